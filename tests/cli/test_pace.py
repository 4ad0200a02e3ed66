"""Time left is told from the pace of the work under way, not from what was before it."""

from __future__ import annotations

from endcap.cli.pace import Pace


def test_time_left_at_the_pace_so_far() -> None:
    pace = Pace()
    assert pace.left("fit: epoch 1", 0.0, now=100.0) == ""
    assert pace.left("fit: epoch 1", 0.1, now=110.0) == " 0:01:30 left"
    assert pace.left("fit: epoch 2", 0.5, now=150.0) == " 0:00:50 left"
    assert pace.left("fit: epoch 2", 1.0, now=200.0) == " 0:00:00 left"


def test_nothing_is_told_of_the_first_seconds() -> None:
    pace = Pace()
    pace.left("fit", 0.0, now=0.0)
    assert pace.left("fit", 0.2, now=1.0) == ""


def test_what_goes_on_in_the_middle_has_its_own_pace() -> None:
    pace = Pace()
    pace.left("fit: epoch 9", 0.8, now=0.0)
    assert pace.left("fit: epoch 9", 0.9, now=10.0) == " 0:00:10 left"


def test_other_work_begins_anew() -> None:
    """By its name, or by its share, where the one before it ended early."""
    pace = Pace()
    pace.left("fit", 0.0, now=0.0)
    pace.left("fit", 0.3, now=1_000.0)
    assert pace.left("evaluate", 0.5, now=1_001.0) == ""
    assert pace.left("evaluate", 0.6, now=1_011.0) == " 0:00:40 left"
    assert pace.left("evaluate", 0.1, now=1_012.0) == ""
    assert pace.left("evaluate", 0.5, now=1_016.0) == " 0:00:05 left"
