"""Fitting anew while a shop goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from endcap.cli.app import run
from endcap.config import Schedule, Shop
from endcap.errors import DataError, StateError
from endcap.experiment import schedule
from endcap.experiment.gate import compare
from endcap.experiment.rival import gain
from endcap.experiment.schedule import LOG, due, once, promote_if_gained
from endcap.store.events import LiveEvents
from endcap.store.releases import Releases
from tests.experiment.learnable import DAY, START

Copy = Callable[..., Shop]

QUICK = "retrievers.sequence.epochs=1"


def visit(shop: Shop, users: int = 60, first: float = 60) -> None:
    """Forty days on, visitors go on as before."""
    rows = [
        {
            "event_id": f"live-{user}-{step}",
            "event_type": "purchase",
            "user_id": f"u{user:02}",
            "item_id": item,
            "timestamp": int(START + (first + user % 38 + step) * DAY + user) * 1_000_000,
        }
        for user in range(users)
        for step, item in enumerate(("商品-01", "商品-02", "商品-03"))
    ]
    with closing(LiveEvents.open(shop.live)) as live:
        live.append(rows)


def passes(shop: Shop) -> list[dict[str, object]]:
    return [json.loads(line) for line in (shop.runs / LOG).read_text().splitlines()]


def test_a_pass_takes_in_fits_and_judges(
    copy: Copy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = copy(QUICK)
    first = Releases(shop.releases).live()
    visit(shop)
    monkeypatch.setattr(schedule, "promote_if_gained", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):  # killed before the end: nothing was decided
        once(shop)
    assert Releases(shop.releases).live() == first
    monkeypatch.undo()
    found = once(shop)
    assert found["rows"] == 0, "they were taken in by the pass that was interrupted"
    assert found["release"] != first
    assert len(Releases(shop.releases).names()) == 2, "the fit was gone on with, not repeated"
    said = passes(shop)[-1]
    assert said == found
    assert f"beside that of the live {first} over the" in str(found["why"])
    assert Releases(shop.releases).live() == (found["release"] if found["live"] else first)
    again = once(shop)
    assert again["release"] == found["release"]


def test_what_is_not_better_stays_where_it_is(copy: Copy) -> None:
    shop = copy("evaluate.baselines={}", "schedule.margin=0.5")
    releases = Releases(shop.releases)
    live = releases.live()
    assert live is not None
    worse = Shop.open(
        shop.folder, ['placements.home.retrievers=["popular"]', "evaluate.baselines={}"]
    )
    found = once(worse)
    assert not found["live"]
    assert f"below that of the live {live}" in found["why"]
    assert releases.live() == live


def test_how_much_better_it_must_be(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = copy("schedule.margin=0.05")
    releases = Releases(shop.releases)
    live = releases.live()
    releases.write("new", releases.manifest(), lambda draft: None)
    monkeypatch.setattr(schedule, "objection", lambda *_: None)
    for value, goes in ((0.04, False), (0.06, True)):
        monkeypatch.setattr(schedule, "gain", lambda *_, v=value: {"value": v, "queries": 1_234})
        found = promote_if_gained(shop, "new")
        assert found["live"] is goes
        assert (
            f"its ndcg@10 is {value:+.4f} beside that of the live {live} over the 1,234"
            in (found["why"])
        )
    assert releases.live() == "new"
    assert promote_if_gained(shop, "new")["why"] == "nothing is new: it is live already"


def test_the_live_release_is_asked_what_the_new_one_was_asked(copy: Copy) -> None:
    """Where the log has gone on so far that they have no question in common."""
    shop = copy(QUICK)
    live = Releases(shop.releases).live()
    assert live is not None
    visit(shop)
    release = once(shop)["release"]
    with pytest.raises(DataError, match="not asked the same questions"):
        compare(shop, release, live)
    found = gain(shop, release, live)
    assert found["queries"] > 20
    assert found["low"] <= found["value"] <= found["high"]
    manifest = Releases(shop.releases).path(live) / "release.json"
    known = json.loads(manifest.read_text())
    known["learned_until"]["measured"] = (START + 200 * DAY) * 1_000_000
    manifest.write_text(json.dumps(known))
    with pytest.raises(DataError, match=f"Release {live} has learned from what is to be asked"):
        gain(shop, release, live)


def test_one_pass_at_a_time_and_errors_are_written_down(
    copy: Copy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = copy()

    def fail(*_: object, **__: object) -> None:
        with pytest.raises(StateError, match="Another `endcap schedule` is at work"):
            once(shop)
        raise DataError("Nothing can be asked")

    monkeypatch.setattr(schedule, "fit", fail)
    assert run(["schedule", "--once", "--shop", str(shop.folder)]) == 1
    assert "Nothing can be asked" in capsys.readouterr().err
    assert passes(shop)[-1]["why"] == "Nothing can be asked."


@pytest.mark.parametrize(
    ("at", "every", "now", "then"),
    [
        ("03:00", 24, "2017-01-01T02:59", "2017-01-01T03:00"),
        ("03:00", 24, "2017-01-01T03:00", "2017-01-02T03:00"),
        ("23:30", 6, "2017-01-01T00:00", "2017-01-01T05:30"),
        ("00:00", 0.5, "2017-01-01T12:10", "2017-01-01T12:30"),
        ("12:00", 48, "2017-01-01T13:00", "2017-01-03T12:00"),
        ("12:00", 48, "2017-01-02T13:00", "2017-01-03T12:00"),
    ],
)
def test_when_the_next_pass_is_due(at: str, every: float, now: str, then: str) -> None:
    found = due(Schedule(at=at, every_hours=every), datetime.fromisoformat(now))
    assert found == datetime.fromisoformat(then)
    assert found - datetime.fromisoformat(now) <= timedelta(hours=every)
