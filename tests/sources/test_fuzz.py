"""Some seconds of what `make fuzz` does for as long as one likes."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_no_file_takes_the_readers_down() -> None:
    pytest.importorskip("atheris", reason="pip install 'endcap[fuzz]'")
    command = [sys.executable, "-m", "tests.sources.fuzz", "-max_total_time=20"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr[-3000:]
