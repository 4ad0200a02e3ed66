"""How a network that reads events learns which comes next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from endcap.nn import objective
from endcap.nn.boards import Shown
from endcap.nn.device import device, precision
from endcap.nn.going_on import what_is_new
from endcap.nn.loop import Plan, train
from endcap.nn.reader import Reader, Reading
from endcap.nn.scoring import ndcg
from endcap.nn.sequences import TrainingBatch, shared, tokens_of, training_batches
from endcap.stages import Run
from endcap.tables.dataset import Asked, Dataset
from endcap.types import Bools, Floats


class Learning(Reading):
    """What is read, the loss and the training."""

    ahead: float = Field(
        0.3,
        ge=0,
        lt=1,
        description="how likely an event learns from a moment after the visitor's next, and so on",
    )
    loss: objective.Name = Field(
        "auto", description="the loss; auto is a softmax, full or sampled by the size of the log"
    )
    full_softmax: float = Field(
        3e9, ge=0, description="events times items above which auto draws items"
    )
    negatives: int = Field(1_024, gt=0, description="items drawn for a batch, where the loss draws")
    calibration: float = Field(
        0.75, ge=0, le=1, description="gbce: how far it makes up for undrawn items"
    )
    label_smoothing: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="share of the target's part all items get, where the loss is a softmax",
    )
    epochs: int = Field(30, gt=0, description="epochs at most; without a judge, exactly")
    patience: int = Field(4, gt=0, description="epochs without a better score before it stops")
    tokens: int | None = Field(
        None,
        gt=0,
        description="events in a batch; by the sizes of log and catalogue where not given",
    )
    learning_rate: float = Field(2e-3, gt=0, description="step size of AdamW")
    weight_decay: float = Field(0.01, ge=0, description="pull of the weights towards 0")
    average: float = Field(0.995, ge=0, lt=1, description="what the mean of weights keeps a step")
    replay: float = Field(
        1.0, ge=0, description="continuing a fit: earlier events learned again for each new one"
    )
    judged: int = Field(4_000, gt=0, description="questions by which epochs are chosen")


def learned(
    network: Reader, settings: Learning, dataset: Dataset, judge: Asked | None, run: Run
) -> tuple[Reader, int]:
    """The network after the epochs by which the judge's questions are answered best, and how many
    those are."""
    plan = Plan.of(settings, "sequence", accelerated=True)
    goal = _objective(settings, dataset, network.item.held)
    steps = partial(_steps, network, settings, dataset, run, goal)
    score = None
    if judge is not None:
        score = partial(_judge, judge.sample(settings.judged, run.seed))
    return train(network, steps, score, plan, run, Shown.items(settings, dataset, "item.weight"))


def _judge(asked: Asked, network: Reader) -> float:
    network.eval()
    with torch.no_grad():
        vectors = network.item()
        return ndcg(partial(network.scores, vectors), asked, len(vectors))


def _steps(
    network: Reader,
    settings: Learning,
    dataset: Dataset,
    run: Run,
    goal: objective.Objective,
    epoch: int,
) -> Iterator[tuple[float, Callable[[], Tensor]]]:
    rng = np.random.default_rng([run.seed, epoch])
    weight = _weight(dataset)
    if run.earlier is not None:
        weight = what_is_new(dataset, run.earlier, settings.replay, rng)
    done, total = 0, max(1, len(dataset) if weight is None else np.count_nonzero(weight))
    history, ahead = dataset.history, settings.ahead
    tokens = settings.tokens or tokens_of(len(dataset), len(dataset.catalogue))
    for batch in training_batches(history, settings.length, tokens, rng, weight, ahead):
        done += int((batch.target >= 0).sum())
        yield min(1.0, done / total), partial(_own, partial(_loss, network, goal), batch)


def _own(loss: Callable[[TrainingBatch], Tensor], batch: TrainingBatch) -> Tensor:
    """Of what is this process's."""
    own, factor = shared(batch)
    return factor * loss(own)


def _objective(settings: Learning, dataset: Dataset, held: Bools | None) -> objective.Objective:
    return objective.objective(
        settings.loss,
        np.bincount(dataset.item, minlength=len(dataset.catalogue)),
        full=settings.full_softmax,
        negatives=settings.negatives,
        calibration=settings.calibration,
        smoothing=settings.label_smoothing,
        product=precision(device()),
        held=held,
    )


def _weight(dataset: Dataset) -> Floats | None:
    """[events] how much each counts as a target; None where all count the same."""
    return None if np.ptp(dataset.kind_weights) == 0 else dataset.weight


def _loss(network: Reader, goal: objective.Objective, batch: TrainingBatch) -> Tensor:
    """Over the positions where there is something to learn."""
    batch = batch.to(network.item.weight.device)
    learn = batch.target >= 0
    among = goal.among(torch.cat([batch.items.flatten(), batch.target[learn]]))
    vectors = network.item(among.items)
    read, target = among.rows[: batch.items.numel()], among.rows[batch.items.numel() :]
    items = functional.embedding(read.view(batch.items.shape), vectors)
    weight = None if batch.weight is None else batch.weight[learn]
    return goal.loss(network(batch, items)[learn].float(), vectors, target, among, weight)
