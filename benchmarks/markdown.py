"""Tables as they stand in the docs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The first column is text, the others are numbers.

    >>> print(table(["", "s"], [["Endcap", "5"]]))
    |  | s |
    |---|---:|
    | Endcap | 5 |
    """
    marks = ["---", *("---:" for _ in titles[1:])]
    lines = [_line(titles), f"|{'|'.join(marks)}|", *map(_line, rows)]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
