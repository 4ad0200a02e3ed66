"""Which part each event belongs to, beside the rule in plain Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from endcap.config import Shop, Split
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part
from endcap.tables.prepare import prepare, prepared
from endcap.tables.prepare.split import Windows
from tests.tables.raw_shop import DAY, START, event, lively, raw_shop


def loaded(shop: Shop) -> Dataset:
    prepare(shop)
    return Dataset.load(prepared(shop))


def test_the_last_days_are_the_parts(tmp_path: Path) -> None:
    rows = [event("u", f"i{day}", day) for day in range(100)]
    days = ["split.ranker_days=5", "split.validation_days=3", "split.test_days=2"]
    dataset = loaded(raw_shop(tmp_path, rows, changes=days))
    expected = [Part.PAST] * 90 + [Part.RANKER] * 5 + [Part.VALIDATION] * 3 + [Part.TEST] * 2
    assert dataset.part.tolist() == expected


def test_a_short_log_keeps_half_of_its_span_for_learning(tmp_path: Path) -> None:
    rows = [event("u", f"i{day}", day) for day in range(13)]
    shop = raw_shop(tmp_path, rows)
    report = prepare(shop)
    assert report["shrunk"] == pytest.approx(6 / 42)
    span = next(check for check in report["checks"] if check["name"] == "span")
    assert span["status"] == "warn"
    parts = Dataset.load(prepared(shop)).part
    assert [int(np.sum(parts == part)) for part in range(4)] == [7, 2, 2, 2]


def test_one_moment_is_all_past(tmp_path: Path) -> None:
    shop = raw_shop(tmp_path, [event("u", "a"), event("v", "b")])
    report = prepare(shop)
    failed = {check["name"] for check in report["checks"] if check["status"] == "fail"}
    assert {"span", "questions"} <= failed
    assert Dataset.load(prepared(shop)).part.tolist() == [0, 0]


def test_windows_are_never_longer_than_asked() -> None:
    windows = Windows.of(START, START + 1000 * DAY, Split())
    assert windows.shrunk == 1
    assert windows.starts[2] == START + 986 * DAY + 1


@pytest.mark.parametrize("holdout", [1, 2])
def test_leave_one_out_by_the_rule(tmp_path: Path, holdout: int) -> None:
    counts = {"one": 1, "two": 2, "three": 3, "five": 5}
    rows = [event(user, f"i{n}", n) for user, many in counts.items() for n in range(many)]
    changes = ["split.protocol=leave-one-out", f"split.holdout={holdout}"]
    dataset = loaded(raw_shop(tmp_path, rows, changes=changes))
    held = [Part.TEST, Part.VALIDATION, Part.RANKER][2 - holdout :]
    for code, user in enumerate(dataset.users[1:], 1):
        expected = [
            held[back] if back < len(held) and back < counts[user] - 1 else Part.PAST
            for back in reversed(range(counts[user]))
        ]
        assert dataset.part[dataset.user == code].tolist() == expected


def test_events_of_one_moment_keep_the_order_in_which_they_came(tmp_path: Path) -> None:
    rows = [event("u", item) for item in "cabd"]
    shop = raw_shop(tmp_path, rows, changes=["split.protocol=leave-one-out"])
    dataset = loaded(shop)
    assert [dataset.catalogue.ids[item] for item in dataset.item] == list("cabd")
    assert dataset.part.tolist() == [Part.PAST, Part.RANKER, Part.VALIDATION, Part.TEST]


def test_the_tables_are_sorted_by_user_and_time(tmp_path: Path) -> None:
    rows = lively()
    dataset = loaded(raw_shop(tmp_path, rows[::-1]))
    order = np.lexsort((dataset.time, dataset.user))
    assert len(dataset) == len(rows)
    assert np.all(order == np.arange(len(dataset)))
