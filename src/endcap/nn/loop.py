"""The one training loop. It knows nothing of any model."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from typing import Any, Generic, Protocol, Self, TypeAlias, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from endcap.errors import TrainingError
from endcap.nn import memory, processes
from endcap.nn.boards import Boards, Shown
from endcap.nn.checkpoint import Checkpoint, Place
from endcap.nn.device import CPU, autocast, device, precision
from endcap.stages import Run

N = TypeVar("N", bound=nn.Module)

Steps: TypeAlias = Iterable[tuple[float, Callable[[], Tensor]]]
"""(share of the epoch done, loss to compute), one after the other."""

SEEN = 10
"""Steps from one point of a curve to the next."""

EXPLODED = 10.0
"""How many times its first loss the mean of an epoch may be: a guess by chance is better."""


class Trained(Protocol):
    """Settings that say how long and how fast to learn, among others and in an order of theirs."""

    @property
    def epochs(self) -> int: ...

    @property
    def patience(self) -> int: ...

    @property
    def learning_rate(self) -> float: ...

    @property
    def weight_decay(self) -> float: ...

    @property
    def average(self) -> float: ...


@dataclass(frozen=True)
class Plan:
    """How long and how fast to learn.

    average: share that the running mean of the weights keeps at each step; the mean is what
        is judged and returned, and stands in for a falling learning rate.
    patience: epochs without a better score after which to stop.
    accelerated: whether the steps put their batches where the network is; else it learns on the
        CPU. Only on a GPU all products are in bfloat16: on a CPU small products gain nothing, and
        code for each of their shapes takes memory.
    """

    epochs: int
    patience: int
    learning_rate: float
    weight_decay: float
    average: float
    name: str
    accelerated: bool = False

    @classmethod
    def of(cls, settings: Trained, name: str, *, accelerated: bool = False) -> Self:
        return cls(
            settings.epochs,
            settings.patience,
            settings.learning_rate,
            settings.weight_decay,
            settings.average,
            name,
            accelerated,
        )


def train(
    network: N,
    epoch_losses: Callable[[int], Steps],
    judge: Callable[[N], float] | None,
    plan: Plan,
    run: Run,
    shown: Shown | None = None,
) -> tuple[N, int]:
    """Learn, and return the averaged network and the number of epochs it took.

    epoch_losses: for an epoch's number, its steps. They must be the same each time, by chance
        of their own; computing a loss may use torch's, which has a seed for each step. Where
        there are several processes, a loss may be that of a share of the batch (see
        `processes.share`).
    judge: a score of a network, the higher the better; None trains all `plan.epochs`.
    shown: beside the curves in `run.curves`.
    Resumes from the checkpoint in `run.folder`, with the same result as if never interrupted.
    Raises TrainingError where the loss is no longer a number, or ever larger.
    """
    training = _Training(network, epoch_losses, judge, plan, run, shown)
    with memory.kept(), training.boards:
        training.learn()
        return training.finish()


class _Training(Generic[N]):
    """One network under way."""

    def __init__(
        self,
        network: N,
        epoch_losses: Callable[[int], Steps],
        judge: Callable[[N], float] | None,
        plan: Plan,
        run: Run,
        shown: Shown | None,
    ) -> None:
        self.device = device() if plan.accelerated else CPU
        self.network, self.epoch_losses = network.to(self.device), epoch_losses
        self.weights: list[Tensor] = list(network.parameters())
        self.judge = judge
        self.plan, self.run, self.shown = plan, run, shown
        self.optimizer = torch.optim.AdamW(
            self.weights, plan.learning_rate, weight_decay=plan.weight_decay, fused=True
        )
        self.mean: Any = torch.optim.swa_utils.AveragedModel(network)
        self.means: list[Tensor] = list(self.mean.module.parameters())
        self.saved = Checkpoint(run.folder, network, self.mean, self.optimizer)
        processes.meet()  # all have read the checkpoint before one writes another
        self.dtype = precision(self.device) if self.device.type == "cuda" else torch.float32
        settings = {**asdict(plan), "device": str(self.device), "precision": str(self.dtype)}
        self.boards = Boards(run, {**settings, **(shown.settings if shown else {})}, self.steps)

    @property
    def steps(self) -> int:
        """That are done, of all epochs."""
        return int(self.mean.n_averaged)

    def learn(self) -> None:
        patience = self.plan.patience if self.judge else self.plan.epochs
        while not self.saved.done(self.plan.epochs, patience):
            began = time.monotonic()
            self._epoch(self.epoch_losses(self.saved.place.epoch))
            self._finish_epoch(began)

    def finish(self) -> tuple[N, int]:
        """The best mean, and the number of its epochs."""
        self.saved.restore_best()
        if self.shown is not None:
            vectors = self.mean.module.state_dict()[self.shown.weight][self.shown.rows]
            self.boards.vectors(vectors.cpu().numpy(), self.shown.labels)
        return self.mean.module.cpu(), self.saved.place.best_epoch

    def _epoch(self, steps: Steps) -> None:
        """What is left of it."""
        self.network.train()
        at, plan = self.saved.place, self.plan
        for share, compute in islice(steps, at.step, None):
            loss, norm = self._step(compute)
            self._check(loss)
            self.saved.finish_step(loss)
            if self.steps % SEEN == 0:
                self.boards.numbers("step", self.steps, loss=loss, gradient_norm=norm)
            self.run.report(self._note(), (at.epoch + share) / plan.epochs)

    def _step(self, compute: Callable[[], Tensor]) -> tuple[float, float]:
        """Loss, and norm of the gradient."""
        _seed(self.device, self.run.seed, self.saved.place)
        self.optimizer.zero_grad(set_to_none=True)
        with autocast(self.device, self.dtype):
            own = compute()
        own.backward()  # type: ignore[no-untyped-call]
        loss = processes.average(self.weights, own)
        norm = nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.optimizer.step()
        self._average()
        return loss, float(norm)

    @torch.no_grad()
    def _average(self) -> None:
        """Like the mean's own way, which looks for all weights at each step."""
        share = 1 - self.plan.average if self.steps else 1.0
        torch._foreach_lerp_(self.means, self.weights, share)
        self.mean.n_averaged += 1

    def _note(self) -> str:
        at, plan = self.saved.place, self.plan
        of = f"of {'at most ' if self.judge else ''}{plan.epochs}"
        return f"epoch {at.epoch + 1} {of}, loss {at.loss:.3f}{self.saved.note}"

    def _check(self, loss: float) -> None:
        at, plan = self.saved.place, self.plan
        at.first = loss if at.first is None else at.first
        mean = (at.total + loss) / (at.step + 1)
        if not math.isfinite(loss) or mean > EXPLODED * max(1.0, at.first):
            raise TrainingError(
                f"The loss of {plan.name} is {loss:.4g} at learning_rate = {plan.learning_rate}; "
                f"it began at {at.first:.4g}",
                mend="Lower learning_rate, by a factor of ten to begin with",
            )

    def _finish_epoch(self, began: float) -> None:
        epoch, loss = self.saved.place.epoch + 1, self.saved.place.loss
        score = processes.told(partial(self.judge, self.mean.module)) if self.judge else None
        self.saved.finish_epoch(score)
        rate, seconds = self.optimizer.param_groups[0]["lr"], time.monotonic() - began
        judged = {} if score is None else {"judged": score}
        self.boards.numbers(
            "epoch", epoch, loss=loss, **judged, learning_rate=rate, seconds=seconds
        )
        if score is not None:
            self.run.watch(epoch, score)


def _seed(device: torch.device, seed: int, place: Place) -> None:
    """Chance of one step, so that what comes after an interruption does not depend on what was
    before. On a CPU its generator alone: torch's own function keeps a note for each kind of device
    that is not there, at each call."""
    number = int(np.random.SeedSequence([seed, place.epoch, place.step]).generate_state(1)[0])
    if device.type == "cpu":
        torch.default_generator.manual_seed(number)
    else:
        torch.manual_seed(number)
