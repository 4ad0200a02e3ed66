"""The data report of `endcap prepare`, for people."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from rich.bar import Bar
from rich.columns import Columns
from rich.console import Console, ConsoleRenderable, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

BLOCKS = " ▁▂▃▄▅▆▇█"
MARKS = {"pass": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "bold red")}
PARTS = {"past": "cyan", "ranker": "blue", "validation": "magenta", "test": "yellow"}
WIDE = 118
"""Columns from which two things stand side by side."""


def show(report: dict[str, Any], console: Console) -> None:
    """Print the report: about fifty lines, in the width that the console has."""
    width = min(console.width, 120) - 2
    wide = width >= WIDE
    half = (width - 4) // 2 if wide else width
    pairs: list[tuple[ConsoleRenderable, ConsoleRenderable]] = [
        (_events(report, half), _parts(report, half)),
        (
            _ranked("Where they go", report["top_categories"], "name", half),
            _ranked("What they like best", report["top_items"], "title", half),
        ),
    ]
    blocks: list[ConsoleRenderable] = [_headline(report), _timeline(report["histogram"], width)]
    for left, right in pairs:
        blocks += [_beside(left, right)] if wide else [left, right]
    blocks += [
        _tail(report),
        _features("What is known of items", report["item_features"]),
        _features("What is known of visitors", report["visitor_features"]),
        _checks(report["checks"]),
    ]
    for block in blocks:
        console.print(Padding(block, (1, 0, 0, 2)))


def spark(values: Sequence[float]) -> str:
    """Heights beside each other; nothing is a gap.

    >>> spark([0, 1, 4, 8])
    ' ▁▄█'
    """
    most = max(values, default=0) or 1
    return "".join(BLOCKS[math.ceil(value / most * 8)] for value in values)


def _headline(report: dict[str, Any]) -> ConsoleRenderable:
    span = report["span"]
    title = Text(report["name"], "bold")
    title.append(f"  {_long(span['first'])} to {_long(span['last'])}", "dim")
    numbers = Text()
    for name in ("events", "users", "items", "sessions"):
        numbers.append(f"{report[name]:,}", "bold cyan").append(f" {_called(name)}   ")
    visitors = report["visitors"]
    numbers.append(
        f"A visitor in the middle has {visitors['median_events']:,.0f} events "
        f"in {visitors['median_sessions']:,.0f} session"
        f"{'' if round(visitors['median_sessions']) == 1 else 's'}.",
        "dim",
    )
    return Group(title, numbers)


def _timeline(histogram: dict[str, Any], width: int) -> ConsoleRenderable:
    starts, counts = histogram["starts"], histogram["events"]
    repeat = max(1, min(width // len(counts), 3))
    line = "".join(block * repeat for block in spark(counts))[:width]
    gap = max(1, len(line) - len(starts[0]) - len(starts[-1]))
    ends = Text(starts[0] + " " * gap + starts[-1], "dim") if len(starts) > 1 else Text(starts[0])
    top = f"Events by {histogram['unit']}, at most {max(counts):,}"
    return Group(_title(top), Text(line, "cyan"), ends)


def _events(report: dict[str, Any], width: int) -> ConsoleRenderable:
    rows = [(name, n, "cyan") for name, n in report["types"].items()]
    unused = report["unused_types"]
    rows += [(f"{name} (not in use)", n, "bright_black") for name, n in unused.items()]
    rows += [
        (_called(reason), n, "red")
        for reason, n in report["dropped"].items()
        if reason != "unused_type"
    ]
    left = sum(report["dropped"].values())
    title = f"What came: {report['read']:,} rows, {left:,} left out"
    return Group(_title(title), _bars(rows, width))


def _parts(report: dict[str, Any], width: int) -> ConsoleRenderable:
    parts, total = report["parts"], report["events"]
    in_time = report["protocol"] == "time"
    stack = Text()
    for part in parts:
        share = max(1, round(part["events"] / total * width))
        stack.append("█" * share, PARTS[part["part"]])
    stack.truncate(width)
    table = Table.grid(padding=(0, 2, 0, 0))
    for column in ("left", "right", "right", "left"):
        table.add_column(justify=column, no_wrap=True)
    for part in parts:
        table.add_row(
            Text(part["part"], PARTS[part["part"]]),
            f"{part['events']:,}",
            Text(f"{part['users']:,} visitors", "dim"),
            Text(f"from {_long(part['first'], '%b')}" if in_time else "", "dim"),
        )
    how = "in time" if in_time else "each visitor's last events held out"
    return Group(_title(f"How it is parted: {how}"), stack, table)


def _ranked(title: str, rows: list[dict[str, Any]], name: str, width: int) -> ConsoleRenderable:
    if not rows:
        return Group(_title(title), Text("The catalogue names none.", "dim"))
    return Group(
        _title(title), _bars([(str(row[name]), row["events"], "cyan") for row in rows], width)
    )


def _tail(report: dict[str, Any]) -> ConsoleRenderable:
    tail = report["tail"]
    text = Text()
    text.append("Half of all events are on ").append(f"{tail['half']:,}", "bold")
    text.append(f" of {tail['seen']:,} items seen; the top 1 % have ")
    text.append(_percent(tail["top_1_percent"]), "bold").append(", the top 10 % ")
    text.append(_percent(tail["top_10_percent"]), "bold")
    text.append(f". {_percent(tail['once'])} were seen once, {tail['never']:,} never.")
    return Group(_title("The long tail"), text)


def _features(title: str, features: list[dict[str, Any]]) -> ConsoleRenderable:
    """Each with its spread from 0 to 1 (heights are roots, so that few are seen beside many)."""
    varied = [feature for feature in features if feature["min"] < feature["max"]]
    longest = max((len(feature["name"]) for feature in varied), default=0)
    cells = []
    for feature in varied:
        heights = [math.sqrt(n) for n in feature["histogram"]]
        cell = Text(f"{feature['name']:{longest}} ").append(spark(heights), "green")
        cells.append(cell.append(f" {feature['median']:.2f}", "dim"))
    head = _title(title)
    head.append("  how it spreads from 0 to 1, and the middle value", "not bold dim")
    parts: list[ConsoleRenderable] = [head, Columns(cells, padding=(0, 3), column_first=True)]
    same = [feature["name"] for feature in features if feature not in varied]
    if same:
        parts.append(Text(f"The same for all: {', '.join(same)}", "dim"))
    return Group(*parts)


def _checks(checks: Iterable[dict[str, str]]) -> ConsoleRenderable:
    table = Table.grid(padding=(0, 2, 0, 0))
    for check in checks:
        mark, style = MARKS[check["status"]]
        detail = Text(check["detail"], "dim" if check["status"] == "pass" else "")
        table.add_row(Text(mark, style), Text(_called(check["name"])), detail)
    return Group(_title("Checks"), table)


def _bars(rows: Sequence[tuple[str, int, str]], width: int) -> ConsoleRenderable:
    most = max(n for _name, n, _color in rows)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=width // 2)
    table.add_column(justify="right")
    table.add_column(no_wrap=True)
    for name, n, color in rows:
        table.add_row(Text(name), f"{n:,}", Bar(most, 0, n, width=width // 4, color=color))
    return table


def _beside(left: ConsoleRenderable, right: ConsoleRenderable) -> ConsoleRenderable:
    table = Table.grid(padding=(0, 4, 0, 0), expand=True)
    table.add_column(ratio=1)
    table.add_column(ratio=1)
    table.add_row(left, right)
    return table


def _title(text: str) -> Text:
    return Text(text, "bold")


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _called(name: str) -> str:
    return {"users": "visitors"}.get(name, name.replace("_", " "))


def _long(day: str, month: str = "%B") -> str:
    """
    >>> _long("2017-01-09")
    '9 January 2017'
    """
    when = date.fromisoformat(day)
    return f"{when.day} {when.strftime(month)} {when.year}"
