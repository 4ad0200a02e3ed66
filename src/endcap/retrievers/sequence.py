"""A network that reads the visitor's events in their order and says what comes next.

The user is their events: there are no weights of users, so a new visitor has an answer after
one event, and each further event changes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from endcap import config
from endcap.errors import ConfigError
from endcap.nn import networks, objective
from endcap.nn.boards import Shown
from endcap.nn.device import device, precision
from endcap.nn.going_on import grown, what_is_new
from endcap.nn.loop import Plan, train
from endcap.nn.scoring import best, ndcg
from endcap.nn.sequences import GAPS, Batch, query_batch, shared, training_batches
from endcap.stages import Retriever, Run, State
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.schema import EVENT_TYPES
from endcap.types import Floats, Queries, Ranking


class Settings(config.Settings):
    """The network, the loss and the training."""

    dim: int = Field(64, gt=0, description="width of the vectors of items and events")
    length: int = Field(50, gt=1, description="newest events of a visitor that are read")
    network: dict[str, Any] = Field(
        default_factory=dict,
        description="class path of the network, attention without one, and its settings",
    )
    gap: bool = Field(False, description="whether the time to the next event is read too")
    embedding_dropout: float = Field(0.3, ge=0, lt=1, description="dropout of the events' vectors")
    token_dropout: float = Field(0.0, ge=0, lt=1, description="share of events hidden in training")
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
        None, gt=0, description="events in a batch; by the size of the log where not given"
    )
    learning_rate: float = Field(2e-3, gt=0, description="step size of AdamW")
    weight_decay: float = Field(0.01, ge=0, description="pull of the weights towards 0")
    average: float = Field(0.995, ge=0, lt=1, description="what the mean of weights keeps a step")
    replay: float = Field(
        1.0, ge=0, description="continuing a fit: earlier events learned again for each new one"
    )
    judged: int = Field(2_000, gt=0, description="questions by which epochs are chosen")


class Reader(nn.Module):
    """Events → vectors that the next item's vector should resemble."""

    def __init__(self, settings: Settings, items: int) -> None:
        super().__init__()
        self.settings = settings
        self.item = nn.Embedding(items, settings.dim)
        self.kind = nn.Embedding(len(EVENT_TYPES), settings.dim)
        self.place = nn.Embedding(settings.length, settings.dim)
        self.gap = nn.Embedding(GAPS, settings.dim)
        for table in (self.item, self.kind, self.place, self.gap):
            nn.init.normal_(table.weight, std=settings.dim**-0.5)
        self.body = networks.build(settings.network, settings.dim, "network")

    def forward(self, batch: Batch) -> Tensor:
        """[batch, length, dim]"""
        x = self.item(batch.items) + self.kind(batch.kinds)
        x = x + self.place.weight[: batch.items.shape[1]]
        if self.settings.gap:
            x = x + self.gap(batch.gaps)
        x = functional.dropout(x, self.settings.embedding_dropout, self.training)
        if self.training and self.settings.token_dropout:
            x = x * (torch.rand(*x.shape[:2], 1, device=x.device) >= self.settings.token_dropout)
        out: Tensor = self.body(x, batch.times)
        return out

    @torch.no_grad()
    def read(self, queries: Queries) -> Tensor:
        """[queries, dim] the vector at each query's newest event."""
        batch = query_batch(queries, self.settings.length).to(self.item.weight.device)
        row = torch.arange(len(queries), device=batch.last.device)
        newest: Tensor = self(batch)[row, batch.last]
        return newest


class Sequence(Retriever[Settings]):
    """state: the network's weights, by their names."""

    settings_type = Settings
    search = config.space(
        dim=config.Choice(32, 64, 128),
        length=config.Choice(20, 50, 100),
        gap=config.Choice(False, True),
        embedding_dropout=config.Between(0.0, 0.6),
        learning_rate=config.Between(5e-4, 1e-2, log=True),
        weight_decay=config.Between(1e-3, 0.3, log=True),
        average=config.Choice(0.98, 0.99, 0.995, 0.998),
    )

    def __init__(self, settings: Settings, state: State) -> None:
        super().__init__(settings, state)
        self.network = Reader(settings, len(state["item.weight"]))
        self.network.load_state_dict(
            {name: torch.from_numpy(np.array(array)) for name, array in state.items()}
        )
        self.network.eval()

    @classmethod
    def check(cls, settings: Settings, key: str) -> None:
        networks.build(settings.network, settings.dim, f"{key}.network")
        loss, share = settings.loss, settings.label_smoothing
        asked = share not in (0, Settings.model_fields["label_smoothing"].default)
        if asked and loss not in objective.SOFTMAX:
            raise ConfigError(
                f"{key}: label_smoothing = {share} with loss = {loss!r}",
                expected="0, or the loss auto, full_softmax or sampled_softmax",
            )

    @classmethod
    def parts(cls, settings: Settings) -> dict[str, tuple[type[Any], config.Settings]]:
        return {"network": networks.resolved(settings.network, "network")}

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        torch.manual_seed(run.seed)
        network = Reader(settings, len(dataset.catalogue))
        if run.earlier is not None:
            network.load_state_dict(grown(run.earlier, "item.weight"))
        plan = Plan(
            epochs=settings.epochs,
            patience=settings.patience,
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            average=settings.average,
            name="sequence",
            accelerated=True,
        )
        steps = partial(_steps, network, settings, dataset, run, _objective(settings, dataset))
        score = None
        if judge is not None:
            score = partial(_judge, judge.sample(settings.judged, run.seed))
        shown = Shown.items(settings, dataset, "item.weight")
        chosen, epochs = train(network, steps, score, plan, run, shown)
        state = {name: tensor.numpy() for name, tensor in chosen.state_dict().items()}
        return cls(settings.model_copy(update={"epochs": epochs}), state)

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        return best(partial(_scores, self.network), queries, n)


@torch.no_grad()
def _scores(network: Reader, queries: Queries) -> Floats:
    """[queries, items]"""
    scores: Floats = (network.read(queries) @ network.item.weight.t()).cpu().numpy()
    return scores


def _judge(asked: Asked, network: Reader) -> float:
    network.eval()
    return ndcg(partial(_scores, network), asked)


def _steps(
    network: Reader,
    settings: Settings,
    dataset: Dataset,
    run: Run,
    loss: objective.Objective,
    epoch: int,
) -> Iterator[tuple[float, Callable[[], Tensor]]]:
    rng = np.random.default_rng([run.seed, epoch])
    weight = _weight(dataset)
    if run.earlier is not None:
        weight = what_is_new(dataset, run.earlier, settings.replay, rng)
    done, total = 0, max(1, len(dataset) if weight is None else np.count_nonzero(weight))
    for batch in training_batches(dataset.history, settings.length, settings.tokens, rng, weight):
        done += int((batch.target >= 0).sum())
        yield min(1.0, done / total), partial(_own, partial(_loss, network, loss), batch)


def _own(loss: Callable[[Batch], Tensor], batch: Batch) -> Tensor:
    """Of what is this process's."""
    own, factor = shared(batch)
    return factor * loss(own)


def _objective(settings: Settings, dataset: Dataset) -> objective.Objective:
    return objective.objective(
        settings.loss,
        np.bincount(dataset.item, minlength=len(dataset.catalogue)),
        full=settings.full_softmax,
        negatives=settings.negatives,
        calibration=settings.calibration,
        smoothing=settings.label_smoothing,
        product=precision(device()),
    )


def _weight(dataset: Dataset) -> Floats | None:
    """[events] how much each counts as a target; None where all count the same."""
    return None if np.ptp(dataset.kind_weights) == 0 else dataset.weight


def _loss(network: Reader, loss: objective.Objective, batch: Batch) -> Tensor:
    """Over the positions where there is something to learn."""
    batch = batch.to(network.item.weight.device)
    learn = batch.target >= 0
    weight = None if batch.weight is None else batch.weight[learn]
    hidden = network(batch)[learn].float()
    return loss(hidden, network.item.weight, batch.target[learn], weight)
