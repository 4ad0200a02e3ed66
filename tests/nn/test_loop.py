"""Training goes on after an interruption as if there had been none, and knows when to stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from endcap.errors import TrainingError
from endcap.nn import checkpoint
from endcap.nn.loop import Plan, train
from endcap.stages import Run
from endcap.types import Report

PLAN = Plan(epochs=4, patience=2, learning_rate=0.05, weight_decay=0.01, average=0.9, name="a line")

Steps = Callable[[int], Iterator[tuple[float, Callable[[], Tensor]]]]


class Line(nn.Module):
    """Five numbers → one, with dropout, so that randomness counts too."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.line = nn.Linear(5, 1)
        # Never used, so its weights have no moments.
        self.idle = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.line(nn.functional.dropout(x, 0.2, self.training))
        return out


def lessons(network: Line, steps: int = 6) -> Steps:
    def of_epoch(epoch: int) -> Iterator[tuple[float, Callable[[], Tensor]]]:
        generator = torch.Generator().manual_seed(epoch)
        for step in range(steps):
            x = torch.randn(16, 5, generator=generator)
            yield (step + 1) / steps, partial(_off, network, x)

    return of_epoch


def _off(network: Line, x: Tensor) -> Tensor:
    off: Tensor = (network(x) - x.sum(1, keepdim=True)).abs().mean()
    return off


def learn(
    folder: Path | None,
    *,
    plan: Plan = PLAN,
    steps: int = 6,
    judge: Callable[[Line], float] | None = None,
    report: Report | None = None,
) -> tuple[dict[str, Tensor], int]:
    """The weights that come out, and the epochs they took."""
    network = Line()
    curves = folder and folder / "curves"
    run = Run(folder, curves, 3) if report is None else Run(folder, curves, 3, report)
    best, epochs = train(network, lessons(network, steps), judge, plan, run)
    return dict(best.state_dict()), epochs


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class KilledError(Exception):
    """Stands for a power cut."""


def kill_at(epoch: int) -> Report:
    def report(step: str, share: float) -> None:
        if f"epoch {epoch}" in step and share > (epoch - 0.5) / PLAN.epochs:
            raise KilledError

    return report


@pytest.mark.parametrize("epoch", [1, 2, 4])
@pytest.mark.parametrize("judged", [True, False])
def test_an_interrupted_training_ends_with_the_same_weights(
    tmp_path: Path, epoch: int, judged: bool
) -> None:
    judge = closeness if judged else None
    undisturbed = learn(None, judge=judge)
    with pytest.raises(KilledError):
        learn(tmp_path, judge=judge, report=kill_at(epoch))
    weights, epochs = learn(tmp_path, judge=judge)
    assert epochs == undisturbed[1]
    assert same(weights, undisturbed[0])


def closeness(network: Line) -> float:
    return -float((network.line.weight.detach() - 1).abs().sum())


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    first = learn(tmp_path)
    steps: list[str] = []
    again = learn(tmp_path, report=lambda step, share: steps.append(step))
    assert steps == []
    assert again[1] == first[1] == PLAN.epochs
    assert same(again[0], first[0])


def test_epochs_without_a_better_score_end_it_and_the_best_mean_is_returned() -> None:
    scores = iter([0.1, 0.5, 0.4, 0.3, 0.9])
    weights: list[dict[str, Tensor]] = []

    def judge(network: Line) -> float:
        weights.append({name: tensor.clone() for name, tensor in network.state_dict().items()})
        return next(scores)

    found, epochs = learn(None, plan=replace(PLAN, epochs=5), judge=judge)
    assert (epochs, len(weights)) == (2, 4)
    assert same(found, weights[1])
    assert not same(found, weights[3])


def test_what_is_judged_is_the_mean_of_the_weights_after_each_step() -> None:
    network, seen = Line(), []

    def report(step: str, share: float) -> None:
        seen.append(network.line.weight.detach().clone())

    plan = replace(PLAN, epochs=1)
    best, _ = train(network, lessons(network, steps=3), None, plan, Run(seed=3, report=report))
    mean = seen[0]
    for weight in seen[1:]:
        mean = 0.9 * mean + 0.1 * weight
    torch.testing.assert_close(best.line.weight, mean)


def test_a_loss_that_is_no_number_is_a_clear_error(tmp_path: Path) -> None:
    network = Line()

    def steps(epoch: int) -> Iterator[tuple[float, Callable[[], Tensor]]]:
        yield 1.0, lambda: network(torch.full((2, 5), torch.nan)).mean()

    with pytest.raises(TrainingError, match=r"loss of a line is nan at learning_rate = 0\.05"):
        train(network, steps, None, PLAN, Run(tmp_path))


def test_progress_tells_epoch_loss_and_share() -> None:
    told: list[tuple[str, float]] = []
    learn(None, report=lambda step, share: told.append((step, share)), judge=closeness)
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert told[0][0].startswith("epoch 1 of at most 4, loss ")
    assert told[-1][0].startswith("epoch 4 of at most 4, loss ")
    assert ", best -" in told[-1][0]


def test_whoever_watches_is_told_each_judged_epoch_and_may_end_it() -> None:
    told: list[tuple[int, float]] = []

    def watch(epoch: int, score: float) -> None:
        told.append((epoch, score))
        if epoch == 3:
            raise KilledError

    network, scores = Line(), iter([0.1, 0.2, 0.3, 0.4])
    with pytest.raises(KilledError):
        train(network, lessons(network), lambda _: next(scores), PLAN, Run(watch=watch))
    assert told == [(1, 0.1), (2, 0.2), (3, 0.3)]
    train(network, lessons(network), None, replace(PLAN, epochs=1), Run(watch=watch))
    assert len(told) == 3, "where nobody judges there is nothing to tell"


@pytest.mark.parametrize("damaged", ["mean-2-0.safetensors", "optimizer-2-0.safetensors"])
def test_a_damaged_checkpoint_is_a_training_from_the_start(tmp_path: Path, damaged: str) -> None:
    with pytest.raises(KilledError):
        learn(tmp_path, report=kill_at(3))
    path = tmp_path / damaged
    path.write_bytes(path.read_bytes()[:20])
    assert same(learn(tmp_path)[0], learn(None)[0])


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="limits of a process are a matter of Unix")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(step: str, share: float) -> None:
        if "epoch 3" in step:
            resource.setrlimit(resource.RLIMIT_FSIZE, (64, hard))

    try:
        with pytest.raises(SafetensorError, match="File too large"):
            train(*begun(), None, PLAN, Run(tmp_path, seed=3, report=fill))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {path.name for path in tmp_path.iterdir()} == checkpoint_files(2)
    assert same(learn(tmp_path)[0], learn(None)[0])


def begun() -> tuple[Line, Steps]:
    network = Line()
    return network, lessons(network)


def checkpoint_files(epoch: int) -> set[str]:
    names = ("best", "mean", "network", "optimizer")
    return {"progress.json", *(f"{name}-{epoch}-0.safetensors" for name in names)}


def test_tensors_are_on_the_disk_before_a_note_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power cut may leave a note of files whose numbers are gone."""
    synced: set[str] = set()
    monkeypatch.setattr(checkpoint, "sync", lambda path: synced.add(path.name))
    train(*begun(), None, PLAN, Run(tmp_path))
    assert checkpoint_files(4) - {"progress.json"} <= synced


def test_only_one_checkpoint_is_kept(tmp_path: Path) -> None:
    train(*begun(), None, PLAN, Run(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == checkpoint_files(4)


@pytest.mark.parametrize("rate", [30.0, 1e4])
def test_a_loss_that_grows_and_grows_is_a_clear_error(rate: float) -> None:
    network = Line()
    message = rf"The loss of a line is \S+ at learning_rate = {rate}; it began at \S+\. Lower"
    with pytest.raises(TrainingError, match=message):
        train(network, lessons(network), None, replace(PLAN, learning_rate=rate), Run())
