"""Models that learn from each event do so while the service runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from endcap.config import Shop
from endcap.serve.current import Current
from endcap.serve.loaded import Loaded
from endcap.stages import Run
from endcap.store.compact import into_tables
from endcap.tables.dataset import Dataset
from endcap.tables.prepare import prepare, prepared
from tests.serve.shops import NOW, QUICK, release, serving, visits
from tests.shops import queries
from tests.tables.raw_shop import DAY, goods, raw_shop

SECOND = 1_000_000


def bought(user: str, *items: str, at: int = NOW) -> list[dict[str, Any]]:
    """One thing after another, a second apart."""
    return [
        {
            "event_type": "purchase",
            "user_id": user,
            "item_id": item,
            "timestamp": (at + step * SECOND) // SECOND,
        }
        for step, item in enumerate(items)
    ]


def test_what_goes_together_now_is_answered_now(own: Shop) -> None:
    with serving(own) as (client, current):
        similar = "/v1/similar?item_id=item-00&n=1"
        before = client.get(similar).json()["items"]
        rows = [row for n in range(300) for row in bought(f"new-{n}", "item-00", "item-06")]
        assert client.post("/v1/events", json=rows).json()["accepted"] == 600
        current.learn()
        after = client.get(similar).json()["items"]
    assert [row["item_id"] for row in before] != ["item-06"]
    assert [row["item_id"] for row in after] == ["item-06"]


def test_it_is_what_a_fit_on_everything_gives(own: Shop) -> None:
    """Of new visitors and known ones, in several lessons."""
    with serving(own) as (client, current):
        for number, user in enumerate(["user-03", "new", "user-07", "new", "user-03"]):
            things = (f"item-{number:02}", f"item-{number + 5:02}")
            client.post("/v1/events", json=bought(user, *things, at=NOW + number * 10 * SECOND))
            current.learn()
        loaded = current.loaded
    assert isinstance(loaded, Loaded)
    into_tables(own)
    prepare(own)
    dataset = Dataset.load(prepared(own))
    assert dataset.catalogue.ids == loaded.recommender.catalogue.ids
    for name in ("neighbours", "popular"):
        model = loaded.recommender.retrievers[name]
        refit = type(model).fit(model.settings, dataset, None, Run())
        for key, array in refit.state.items():
            np.testing.assert_array_equal(model.state[key], array, err_msg=f"{name}: {key}")


def test_a_restart_learns_what_came_since_the_release(own: Shop) -> None:
    with serving(own) as (client, current):
        client.post("/v1/events", json=bought("ann", "item-00", "item-06"))
        current.learn()
        first = current.loaded
    with serving(own) as (_, current):
        current.learn()
        again = current.loaded
    assert first is not None
    assert again is not None
    for name, model in first.recommender.retrievers.items():
        for key, array in again.recommender.retrievers[name].state.items():
            np.testing.assert_array_equal(model.state[key], array)


def test_what_the_release_knows_is_not_learned_twice(own: Shop) -> None:
    with serving(own) as (client, current):
        client.post("/v1/events", json=bought("ann", "item-00", "item-06", at=NOW - 200 * DAY))
        before = current.loaded
        current.learn()
        after = current.loaded
    assert before is not None
    assert after is not None
    assert (before.learned, after.learned) == (0, 2)
    state = after.recommender.retrievers["neighbours"].state
    np.testing.assert_array_equal(
        state["value"], before.recommender.retrievers["neighbours"].state["value"]
    )


NETWORK = (
    *QUICK[1:],
    "retrievers.sequence.dim = 16",
    "retrievers.sequence.epochs = 5",
    "retrievers.sequence.average = 0.9",
)


def test_a_network_offers_a_new_item_to_those_who_buy_what_its_buyers_bought(
    tmp_path: Path,
) -> None:
    """Nothing is said of it. Before it is bought, nobody is offered it, and after a restart, those
    again."""
    shop = raw_shop(tmp_path, visits(), goods(), changes=NETWORK)
    prepare(shop)
    release(shop, "first")
    with serving(shop) as (client, current):
        assert client.put("/v1/items/new", json={}).status_code < 300
        assert "new" not in offered(current)
        rows = [row for n in range(60) for row in bought(f"new-{n}", "item-03", "new")]
        assert client.post("/v1/events", json=rows).json()["accepted"] == 120
        current.learn()
        found = offered(current)
        assert "new" in found[:4]
    with serving(shop) as (_, current):
        assert "new" not in offered(current)
        current.learn()
        assert offered(current) == found


def offered(current: Current) -> list[str]:
    """What the network proposes to who has bought item 3."""
    loaded = current.latest()
    assert loaded is not None
    catalogue = loaded.recommender.catalogue
    code = catalogue.code("item-03")
    assert code is not None
    asked = replace(queries([code]), times=np.array([NOW]))
    lists = loaded.recommender.retrievers["sequence"].retrieve(asked, 20)
    return [catalogue.ids[item] for item in lists.item]
