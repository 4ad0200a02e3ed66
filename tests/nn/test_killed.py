"""A training that is killed in the middle of an epoch goes on from there to the same weights."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.nn.test_loop import PLAN, learn, same

STEPS = 100

LEARN = f"""
import sys
from pathlib import Path
from endcap.nn import checkpoint
from tests.nn.test_loop import learn

checkpoint.PAUSE = 0.0  # one after each step
learn(Path(sys.argv[1]), steps={STEPS})
"""


def safe(folder: Path) -> tuple[int, int]:
    """The epochs, and the steps of the next one, that a training has written."""
    note = folder / "progress.json"
    if not note.is_file():
        return 0, 0
    place = json.loads(note.read_text())
    return place["epoch"], place["step"]


def kill_beyond(folder: Path, epoch: int, step: int) -> None:
    """Learn in a process of its own, and kill it when so much is safe."""
    run = subprocess.Popen([sys.executable, "-c", LEARN, str(folder)])  # noqa: S603
    while safe(folder) < (epoch, step):
        assert run.poll() is None
    os.kill(run.pid, signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL


@pytest.mark.slow  # a quick one is that of a fit
def test_a_killed_training_goes_on_within_the_epoch(tmp_path: Path) -> None:
    undisturbed, again = learn(None, steps=STEPS), list[str]()
    kill_beyond(tmp_path, 1, 10)
    epoch, step = safe(tmp_path)
    weights, epochs = learn(tmp_path, steps=STEPS, report=lambda told, share: again.append(told))
    assert len(again) == (PLAN.epochs - epoch) * STEPS - step
    assert epochs == undisturbed[1]
    assert same(weights, undisturbed[0])
