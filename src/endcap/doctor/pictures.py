"""Pictures as shapes on a field of 100 by 100, which the page draws as SVG."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

LABELS = 7
"""Below standing bars there is room for so many."""


@dataclass(frozen=True)
class Bar:
    """x and width from the left, height from below; what it says when pointed at."""

    x: float
    width: float
    height: float
    marked: bool
    label: str
    value: str


@dataclass(frozen=True)
class Drawing:
    """kind: bars, lying or curve. ticks: what stands below, from left to right."""

    kind: str
    title: str
    bars: Sequence[Bar] = ()
    path: str = ""
    ticks: Sequence[str] = ()
    most: str = ""


def drawn(picture: dict[str, Any] | None) -> Drawing | None:
    """The drawing of a picture as a finding has it in JSON; none where there is nothing in it."""
    if picture is None:
        return None
    if "across" in picture:
        return _curve(picture)
    return _bars(picture) if any(picture["values"]) else None


def _bars(picture: dict[str, Any]) -> Drawing:
    values, labels = picture["values"], picture["labels"]
    step, most = 100 / len(values), max(values)
    gap = 0.2 * step if len(values) < 40 else 0.1 * step
    bars = [
        Bar(
            x=round(place * step + gap / 2, 3),
            width=round(step - gap, 3),
            height=round(max(100 * value / most, 0.6 if value else 0), 2),
            marked=place in picture["marked"],
            label=labels[place],
            value=number(value),
        )
        for place, value in enumerate(values)
    ]
    kind = "lying" if picture["lying"] else "bars"
    return Drawing(kind, picture["title"], bars, ticks=_ticks(labels), most=number(most))


def _ticks(labels: Sequence[str]) -> list[str]:
    """All labels where there is room, else some that are equally far apart.

    >>> _ticks(["300+", "10,000+"])
    ['300+', '10k+']
    """
    labels = [re.sub(r",000(?![\d,])", "k", label) for label in labels]
    if len(labels) <= 12:
        return labels
    places = [round(i * (len(labels) - 1) / (LABELS - 1)) for i in range(LABELS)]
    return [labels[place] for place in places]


def _curve(picture: dict[str, Any]) -> Drawing:
    points = zip(picture["across"], picture["up"], strict=True)
    path = "M" + " L".join(f"{100 * x:.2f} {100 - 100 * y:.2f}" for x, y in points)
    return Drawing("curve", picture["title"], path=path, ticks=picture["ends"], most="100 %")


def number(value: float) -> str:
    """
    >>> number(1234.0), number(3.14159), number(0)
    ('1,234', '3.1', '0')
    """
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"
