"""The one training loop. It knows nothing of any model."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from endcap.errors import TrainingError
from endcap.nn import memory, processes
from endcap.nn.board import Board
from endcap.nn.checkpoint import Checkpoint, Place
from endcap.stages import Run

N = TypeVar("N", bound=nn.Module)


@dataclass(frozen=True)
class Plan:
    """How long and how fast to learn.

    average: share that the running mean of the weights keeps at each step; the mean is what
        is judged and returned, and stands in for a falling learning rate.
    patience: epochs without a better score after which to stop.
    """

    epochs: int
    patience: int
    learning_rate: float
    weight_decay: float
    average: float
    name: str


def train(
    network: N,
    epoch_losses: Callable[[int], Iterable[tuple[float, Callable[[], Tensor]]]],
    judge: Callable[[N], float] | None,
    plan: Plan,
    run: Run,
) -> tuple[N, int]:
    """Learn, and return the averaged network and the number of epochs it took.

    epoch_losses: for an epoch's number, its steps: (share of the epoch done, loss to compute).
        They must be the same each time, by chance of their own; computing a loss may use
        torch's, which has a seed for each step. Where there are several processes, a loss may
        be that of a share of the batch (see `processes.share`).
    judge: a score of a network, the higher the better; None trains all `plan.epochs`.
    Resumes from the checkpoint in `run.folder`, with the same result as if never interrupted.
    Raises TrainingError where the loss is no longer a number.
    """
    optimizer = torch.optim.AdamW(
        network.parameters(), plan.learning_rate, weight_decay=plan.weight_decay, fused=True
    )
    averaging = torch.optim.swa_utils.get_ema_multi_avg_fn(plan.average)  # type: ignore[no-untyped-call]
    mean: Any = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=averaging)
    saved = Checkpoint(run.folder, network, mean, optimizer)
    processes.meet()  # all have read the checkpoint before one writes another
    board = Board(None if processes.rank() else run.curves)
    with memory.kept():
        while not saved.done(plan.epochs, plan.patience if judge else plan.epochs):
            began = time.monotonic()
            _epoch(network, mean, optimizer, epoch_losses(saved.place.epoch), saved, plan, run)
            loss, score = saved.place.loss, _judged(mean.module, judge)
            saved.finish_epoch(score)
            judged = {} if score is None else {"judged": score}
            seconds = time.monotonic() - began
            board.write(saved.place.epoch, loss=loss, seconds=seconds, **judged)
            if score is not None:
                run.watch(saved.place.epoch, score)
    board.close()
    saved.restore_best()
    return mean.module, saved.place.best_epoch


def _judged(network: N, judge: Callable[[N], float] | None) -> float | None:
    return None if judge is None else processes.told(partial(judge, network))


def _epoch(
    network: nn.Module,
    mean: torch.optim.swa_utils.AveragedModel,
    optimizer: torch.optim.Optimizer,
    steps: Iterable[tuple[float, Callable[[], Tensor]]],
    saved: Checkpoint,
    plan: Plan,
    run: Run,
) -> None:
    """What is left of the epoch."""
    network.train()
    at = saved.place
    for share, compute in islice(steps, at.step, None):
        torch.manual_seed(_seed(run.seed, at))
        optimizer.zero_grad(set_to_none=True)
        own = compute()
        own.backward()  # type: ignore[no-untyped-call]
        loss = processes.average(network, own)
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        mean.update_parameters(network)
        _check(loss, plan)
        saved.finish_step(loss)
        note = f"{plan.name}: epoch {at.epoch + 1}, loss {at.loss:.3f}{saved.note}"
        run.report(note, (at.epoch + share) / plan.epochs)


def _seed(seed: int, place: Place) -> int:
    """Of one step, so that what comes after an interruption does not depend on what was before."""
    return int(np.random.SeedSequence([seed, place.epoch, place.step]).generate_state(1)[0])


def _check(loss: float, plan: Plan) -> None:
    if not math.isfinite(loss):
        raise TrainingError(
            f"The loss of {plan.name} is {loss} at learning_rate = {plan.learning_rate}",
            mend="Lower learning_rate, by a factor of ten to begin with",
        )
