"""How the service follows the live release."""

from __future__ import annotations

import gc
import shutil
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from endcap.config import Shop
from endcap.serve import current as module
from endcap.serve.app import create
from endcap.serve.current import Current
from endcap.store.clock import now
from endcap.store.events import LiveEvents
from endcap.store.releases import Releases
from tests.serve.shops import NOW, QUICK, release, serving
from tests.store.test_events import past
from tests.tables.raw_shop import DAY


@pytest.fixture
def own(shop: Shop, tmp_path: Path) -> Shop:
    """A copy of the shop, to promote in."""
    return Shop.open(shutil.copytree(shop.folder, tmp_path / "shop"), QUICK)


@pytest.fixture
def followed(own: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[TestClient, Current]]:
    monkeypatch.setattr(module, "PERIOD", 0.02)
    with serving(own) as both:
        yield both


def live(client: TestClient) -> str:
    answer = client.get("/v1/recommend?user_id=user-03")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["release"])


def wait_for(client: TestClient, name: str) -> None:
    end = time.monotonic() + 20
    while live(client) != name:
        assert time.monotonic() < end, f"{name} never went live"
        time.sleep(0.01)


def test_what_is_live_is_not_searched_for_garbage_and_goes_when_another_is(own: Shop) -> None:
    current = Current(own, LiveEvents.open(own.live), clock=lambda: NOW)
    current.refresh()
    assert current.loaded is not None
    ids = id(current.loaded.visitors), id(current.loaded.recommender)
    assert not {id(one) for one in gc.get_objects()} & set(ids)
    both = current.loaded.visitors, current.loaded.recommender
    gone: list[weakref.ref[Any]] = [weakref.ref(one) for one in both]
    del both
    release(own, "second")
    gc.disable()
    try:
        current.refresh()
        assert current.loaded.release == "second"
        assert [one() for one in gone] == [None, None]
    finally:
        gc.enable()
        gc.unfreeze()


def test_until_there_is_a_release_it_is_not_ready(bare: Shop) -> None:
    with serving(bare) as (client, _):
        ready, answer = client.get("/readyz"), client.get("/v1/recommend")
        assert client.get("/healthz").json() == {"status": "ok"}
    assert (ready.status_code, answer.status_code) == (503, 503)
    assert ready.headers["content-type"] == "application/problem+json"
    assert ready.json()["detail"] == "No release is live. Run `endcap fit` first."


def test_a_promoted_release_is_picked_up_without_a_failing_request(
    own: Shop, followed: tuple[TestClient, Current]
) -> None:
    client, _ = followed
    assert client.get("/readyz").json() == {"status": "ready", "release": "first"}
    done = threading.Event()
    seen: set[str] = set()

    def ask() -> None:
        while not done.is_set():
            seen.add(live(client))

    asking = threading.Thread(target=ask)
    asking.start()
    release(own, "second")
    wait_for(client, "second")
    done.set()
    asking.join()
    assert seen <= {"first", "second"}
    Releases(own.releases).rollback()
    wait_for(client, "first")


def test_a_release_that_cannot_be_loaded_leaves_the_one_before(
    own: Shop, followed: tuple[TestClient, Current]
) -> None:
    client, current = followed
    release(own, "broken")
    wait_for(client, "broken")
    Releases(own.releases).promote("first")
    wait_for(client, "first")
    shutil.rmtree(own.releases / "broken" / "live" / "catalogue")
    (own.releases / "live").write_text("broken")
    end = time.monotonic() + 20
    while not current.trouble:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert live(client) == "first"


def test_a_release_answers_without_the_prepared_tables(own: Shop) -> None:
    shutil.rmtree(own.prepared)
    with serving(own) as (client, _):
        assert live(client) == "first"
        assert len(client.get("/v1/recommend?user_id=user-03").json()["items"]) == 10


def test_prepared_tables_that_are_broken_are_none(own: Shop) -> None:
    """To a service that begins; one that has read better ones keeps them."""
    with serving(own) as (client, current):
        for file in own.prepared.rglob("*"):
            if file.is_file() and file.name != "current":
                file.write_bytes(b"")
        (own.prepared / "current").touch()
        current.refresh()
        assert current.trouble
        assert current.loaded is not None
        assert current.loaded.visitors.dataset is not None
        assert live(client) == "first"
    with serving(own) as (client, _):
        assert live(client) == "first"
        assert len(client.get("/v1/recommend?user_id=user-03").json()["items"]) == 10


def test_a_replay_takes_the_end_of_the_log_for_now(own: Shop) -> None:
    live = LiveEvents.open(own.live)
    current = Current(own, live, replay=True)
    assert current.clock() > NOW + 365 * DAY
    current.refresh()
    with TestClient(create(current)) as client:
        event = {"event_type": "view", "item_id": "item-01", "user_id": "rex"}
        assert client.post("/v1/events", json=event).json()["accepted"] == 1
        stamped = event | {"timestamp": now()}  # of the real now: kept as it is
        assert client.post("/v1/events", json=stamped).json()["accepted"] == 1
    [first, second] = past(live, "rex", ["view"], 2)
    live.database.engine.dispose()
    assert NOW - 2 * DAY < first.time < NOW
    assert second.time == stamped["timestamp"]
