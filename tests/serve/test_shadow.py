"""A release on trial: it is asked, compared and not shown."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from endcap.cli.app import run
from endcap.config import Shop
from endcap.serve import current as module
from endcap.store.releases import Releases
from endcap.store.shadows import Shadows
from tests.serve.shops import QUICK, release, serving


@pytest.fixture
def own(shop: Shop, tmp_path: Path) -> Shop:
    sent = shutil.ignore_patterns("live.sqlite*")
    return Shop.open(shutil.copytree(shop.folder, tmp_path / "shop", ignore=sent), QUICK)


def wait(what: Any) -> None:
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_shadow_is_compared_and_not_shown(
    own: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "PERIOD", 0.02)
    changed = ("placements.home.retrievers = ['popular']", "placements.home.rules = []")
    release(Shop.open(own.folder, (*QUICK, *changed)), "other")
    releases = Releases(own.releases)
    releases.promote("first")
    command = ["--shop", str(own.folder)]
    with serving(own) as (client, current):
        assert run(["shadow", "other", *command]) == 0
        wait(lambda: current.shadow is not None)
        shadows = Shadows(current.live.database)
        for user in ("user-03", "user-04", "nobody at all"):
            answer = client.get(f"/v1/recommend?user_id={user}").json()
            assert answer["release"] == "first"
        wait(lambda: len(shadows.newest("other", 9)) == 3)
        row = shadows.newest("other", 1)[0]
        assert row["recommendation_id"] == answer["recommendation_id"]
        assert (row["release"], row["path"], row["placement"]) == ("first", "full", "home")
        difference = row["difference"]
        assert row["overlap"] == 1 - len(difference["left"]) / len(answer["items"])
        shutil.rmtree(own.releases / "other" / "live" / "retrievers")
        assert run(["shadow", "--off", *command]) == 0
        wait(lambda: current.shadow is None)
        (own.releases / "shadow").write_text("other")  # damaged: it is not loaded
        wait(lambda: current._seen == current._marks())
        assert current.shadow is None
        assert client.get("/readyz").json() == {"status": "ready", "release": "first"}
    capsys.readouterr()
    assert run(["shadow", "--json", *command]) == 0
    [found] = json.loads(capsys.readouterr().out)["compared"]
    assert (found["answers"], found["failed"], found["shadow"]) == (3, 0, "other")
    assert 0 <= found["overlap"] <= 1
    assert run(["shadow", *command]) == 0
    assert "other beside first at home: 3 answers" in capsys.readouterr().out


def test_a_shadow_that_fails_harms_nobody(own: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PERIOD", 0.02)
    release(Shop.open(own.folder, (*QUICK, "placements.extra.fill = true")), "other")
    releases = Releases(own.releases)
    releases.cast("first")
    with serving(own) as (client, current):
        shadows = Shadows(current.live.database)
        answer = client.get("/v1/recommend?user_id=user-03&placement=extra")
        assert answer.status_code == 200
        wait(lambda: shadows.newest("first", 9))
        [row] = shadows.newest("first", 9)
        assert row["path"] == "failed"
        assert "placement" in row["difference"]["error"]
    with pytest.raises(Exception, match="There is no release 'none'"):
        releases.cast("none")
