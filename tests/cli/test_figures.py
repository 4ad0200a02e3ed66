"""How figures look on a terminal."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console

from endcap.cli.figures import show_event_weights


def shown(**weights: Any) -> str:
    out = StringIO()
    show_event_weights(weights, Console(file=out, width=200))
    return out.getvalue()


def weight(used: float, value: float, low: float, high: float) -> dict[str, Any]:
    return {"weight": used, "learned": {"value": value, "low": low, "high": high}}


def test_learned_weights_of_event_types_have_intervals_and_given_ones_none() -> None:
    text = shown(
        view=weight(0.08, 0.08, 0.07, 0.09),
        add_to_cart=weight(0.5, 0.7, 0.6, 0.8),
        purchase=weight(1.0, 1.0, 1.0, 1.0),
    )
    assert "view 0.0800 ± 0.0100, add_to_cart 0.5, purchase 1." in text


def test_one_event_type_needs_no_weight() -> None:
    assert shown(purchase=weight(1.0, 1.0, 1.0, 1.0)) == ""
