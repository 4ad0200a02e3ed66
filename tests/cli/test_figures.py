"""How figures look on a terminal."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console

from endcap.cli.figures import SHOWN, difference, show_event_weights, show_fit, show_reliability


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


def test_how_likely_items_were_called_stands_beside_how_often_they_were_taken() -> None:
    bins = [
        {"predicted": 0.001, "observed": 0.002, "count": 9_000},
        {"predicted": 0.25, "observed": 0.2, "count": 1_000},
    ]
    found = {
        "items": 10_000,
        "predicted": 0.0259,
        "observed": 0.0218,
        "expected_calibration_error": 0.0059,
        "brier": 0.0163,
        "bins": bins,
    }
    out = StringIO()
    show_reliability(found, Console(file=out, width=100))
    text = " ".join(out.getvalue().split())
    assert "called taken items 0.10% 0.20% 9,000 25.00% 20.00% 1,000 2.59% 2.18% 10,000" in text
    assert "Expected calibration error 0.0059, Brier score 0.0163" in text


def test_a_difference_over_one_question_has_no_interval() -> None:
    gap = {"value": 0.5, "low": None, "high": None, "p": 1.0, "queries": 1}
    assert difference(gap) == "+0.5000, p = 1.000"


def test_a_metric_stands_before_its_difference() -> None:
    metrics = {key: {"value": 0.5, "low": None, "high": None} for key in SHOWN}
    gap = {"value": 0.25, "low": 0.125, "high": 0.5, "p": 1.0, "queries": 30}
    found = {
        "release": "20170101-120000-ab12cd34",
        "seconds": 2,
        "metrics": metrics,
        "joins": {"home": {"places": gap}},
        "event_weights": {},
        "live": True,
        "why": "no release was live",
    }
    out = StringIO()
    show_fit(found, Console(file=out, width=200))
    line = "lists of home joined by places: ndcg@10 +0.2500 [+0.1250, +0.5000], p = 1.000"
    assert line in out.getvalue()
