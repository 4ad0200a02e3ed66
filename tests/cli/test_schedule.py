"""The process that fits anew outlives what goes wrong for a while."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from endcap.cli import schedule
from endcap.errors import DataError

TROUBLE = [
    DataError("There is nothing to fit on"),
    OSError(28, "No space left on device", "/shop"),
    OperationalError("SELECT 1", None, Exception("the server is away")),
]


def test_a_pass_that_fails_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trouble = iter([*TROUBLE, ZeroDivisionError("a defect")])

    def fail(*_: Any) -> None:
        raise next(trouble)

    monkeypatch.setattr(schedule, "_wait", lambda _: None)
    monkeypatch.setattr(schedule, "_pass", fail)
    with pytest.raises(ZeroDivisionError):
        schedule.schedule(shop=tmp_path)
    assert capsys.readouterr().err.splitlines() == [
        "This pass failed: There is nothing to fit on.",
        "This pass failed: /shop: No space left on device",
        "This pass failed: The store can't be used: the server is away",
    ]
