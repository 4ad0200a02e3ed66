"""Two processes that torchrun starts learn what one learns."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from endcap.nn import processes
from endcap.retrievers.sequence import Sequence
from tests.nn.together import learned

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2")


def together(folder: Path, *words: str) -> int:
    """Learn in two processes; what torchrun says of how it went."""
    command = [*TORCHRUN, "-m", "tests.nn.together", str(folder), *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    print(done.stderr)  # shown where the test fails
    return done.returncode


def test_two_processes_learn_what_one_learns(tmp_path: Path) -> None:
    """But for the rounding of sums, which in bfloat16 shows in the fourth place."""
    alone = learned(tmp_path / "alone")
    assert together(tmp_path / "two") == 0
    both = Sequence.load(tmp_path / "two" / "model")
    assert both.settings == alone.settings
    for name, array in alone.state.items():
        np.testing.assert_allclose(both.state[name], array, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_killed_together_they_go_on_together(tmp_path: Path) -> None:
    assert together(tmp_path / "undisturbed") == 0
    assert together(tmp_path / "killed", "killed") != 0
    place = json.loads((tmp_path / "killed" / "run" / "progress.json").read_text())
    assert place["epoch"] == 1
    assert place["step"] > 0
    assert together(tmp_path / "killed") == 0
    undisturbed, after = (
        Sequence.load(tmp_path / name / "model") for name in ("undisturbed", "killed")
    )
    for name, array in undisturbed.state.items():
        np.testing.assert_array_equal(after.state[name], array)


@pytest.mark.parametrize(
    ("rank", "rows", "factor"), [(0, [0, 2, 4], 2 * 9 / 15), (1, [1, 3], 2 * 6 / 15)]
)
def test_rows_go_round_and_weigh_by_what_there_is_to_learn(
    monkeypatch: pytest.MonkeyPatch, rank: int, rows: list[int], factor: float
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", str(rank))
    own, weight = processes.share(torch.tensor([1, 2, 3, 4, 5]))
    assert torch.arange(5)[own].tolist() == rows
    assert weight == pytest.approx(factor)


def test_a_batch_too_small_to_share_is_everyones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    own, weight = processes.share(torch.tensor([4, 2]))
    assert torch.arange(2)[own].tolist() == [0, 1]
    assert weight == 1.0


def test_one_process_has_it_all() -> None:
    own, weight = processes.share(torch.tensor([4, 0, 2]))
    assert torch.arange(3)[own].tolist() == [0, 1, 2]
    assert weight == 1.0
