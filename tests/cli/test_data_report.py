"""The data report as people see it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from endcap.cli.data_report import show
from endcap.tables.prepare import prepare
from tests.tables.raw_shop import event, goods, lively, raw_shop


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return prepare(raw_shop(tmp_path_factory.mktemp("shop"), lively(), goods()))


def shown(report: dict[str, Any], width: int) -> list[str]:
    file = io.StringIO()
    show(report, Console(file=file, width=width, color_system=None))
    return file.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 80, 100, 120, 200])
def test_no_line_is_wider_than_the_console(report: dict[str, Any], width: int) -> None:
    assert max(cell_len(line) for line in shown(report, width)) <= width


def test_it_says_what_matters(report: dict[str, Any]) -> None:
    text = "\n".join(shown(report, 120))
    for part in (
        f"{report['events']:,} events",
        "13 September 2020 to 11 January 2021",
        "商品",
        "Shelf 1",
        "test",
    ):
        assert part in text
    for check in report["checks"]:
        assert check["detail"] in text


def test_a_wide_console_has_it_on_a_page(report: dict[str, Any]) -> None:
    assert len(shown(report, 120)) <= 60


def test_what_was_left_out_is_shown_with_its_reason(tmp_path: Path) -> None:
    rows = [event("u", "a"), event(None, "a"), event("u", "a", event_type="danced")]
    text = "\n".join(shown(prepare(raw_shop(tmp_path, rows)), 80))
    for part in ("3 rows, 2 left out", "missing visitor", "danced (not in use)", "✗"):
        assert part in text


def test_titles_that_look_like_markup_stand_as_they_are(tmp_path: Path) -> None:
    items = [{"item_id": "a", "title": "Shirt [xl] [/b]", "categories": ["[red] > x"]}]
    report = prepare(raw_shop(tmp_path, [event("u", "a"), event("v", "a")], items))
    text = "\n".join(shown(report, 120))
    assert "Shirt [xl] [/b]" in text
    assert "[red]" in text
