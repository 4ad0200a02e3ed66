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
from endcap.nn.loop import Plan, train
from endcap.nn.losses import full_softmax, sampled_softmax
from endcap.nn.networks import attention
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
        default_factory=dict, description="settings of the network: layers, heads, dropout"
    )
    gap: bool = Field(False, description="whether the time to the next event is read too")
    embedding_dropout: float = Field(0.3, ge=0, lt=1, description="dropout of the events' vectors")
    full_softmax_items: int = Field(
        20_000, ge=0, description="catalogue size above which the loss draws items"
    )
    negatives: int = Field(1_024, gt=0, description="items drawn for a batch, where it draws")
    epochs: int = Field(30, gt=0, description="epochs at most; without a judge, exactly")
    patience: int = Field(2, gt=0, description="epochs without a better score before it stops")
    tokens: int | None = Field(
        None, gt=0, description="events in a batch; by the size of the log where not given"
    )
    learning_rate: float = Field(2e-3, gt=0, description="step size of AdamW")
    weight_decay: float = Field(0.01, ge=0, description="pull of the weights towards 0")
    average: float = Field(0.995, ge=0, lt=1, description="what the mean of weights keeps a step")
    judged: int = Field(2_000, gt=0, description="questions by which epochs are chosen")


class Network(nn.Module):
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
        self.body = attention.build(settings.dim, **settings.network)

    def forward(self, batch: Batch) -> Tensor:
        """[batch, length, dim]"""
        x = self.item(batch.items) + self.kind(batch.kinds)
        x = x + self.place.weight[: batch.items.shape[1]]
        if self.settings.gap:
            x = x + self.gap(batch.gaps)
        x = functional.dropout(x, self.settings.embedding_dropout, self.training)
        out: Tensor = self.body(x)
        return out

    @torch.no_grad()
    def read(self, queries: Queries) -> Tensor:
        """[queries, dim] the vector at each query's newest event."""
        batch = query_batch(queries, self.settings.length)
        newest: Tensor = self(batch)[torch.arange(len(queries)), batch.last]
        return newest


class Sequence(Retriever[Settings]):
    """state: the network's weights, by their names."""

    settings_type = Settings

    def __init__(self, settings: Settings, state: State) -> None:
        super().__init__(settings, state)
        self.network = Network(settings, len(state["item.weight"]))
        self.network.load_state_dict(
            {name: torch.from_numpy(np.array(array)) for name, array in state.items()}
        )
        self.network.eval()

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        torch.manual_seed(run.seed)
        network = Network(settings, len(dataset.catalogue))
        plan = Plan(
            epochs=settings.epochs,
            patience=settings.patience,
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            average=settings.average,
            name="sequence",
        )
        steps = partial(_steps, network, settings, dataset, run.seed)
        score = None
        if judge is not None:
            score = partial(_score, judge.sample(settings.judged, run.seed))
        chosen, epochs = train(network, steps, score, plan, run)
        state = {name: tensor.numpy() for name, tensor in chosen.state_dict().items()}
        return cls(settings.model_copy(update={"epochs": epochs}), state)

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        return best(partial(_scores, self.network), queries, n)


@torch.no_grad()
def _scores(network: Network, queries: Queries) -> Floats:
    """[queries, items]"""
    scores: Floats = (network.read(queries) @ network.item.weight.t()).numpy()
    return scores


def _score(judge: Asked, network: Network) -> float:
    network.eval()
    return ndcg(partial(_scores, network), judge)


def _steps(
    network: Network, settings: Settings, dataset: Dataset, seed: int, epoch: int
) -> Iterator[tuple[float, Callable[[], Tensor]]]:
    rng = np.random.default_rng([seed, epoch])
    tokens = settings.tokens or _tokens(len(dataset))
    loss = _loss(network, settings, dataset)
    done, total = 0, max(1, len(dataset))
    for batch in training_batches(dataset.history, settings.length, tokens, rng):
        done += int((batch.target >= 0).sum())
        yield min(1.0, done / total), partial(_own, loss, batch)


def _own(loss: Callable[[Batch], Tensor], batch: Batch) -> Tensor:
    """Of what is this process's."""
    own, factor = shared(batch)
    return factor * loss(own)


def _tokens(events: int) -> int:
    """Events in a batch that make about 400 steps an epoch: enough to learn from each epoch, and
    on a large log no more than the step itself, the table of items above all, is worth."""
    return min(max(events // 400, 384), 4_096)


def _loss(network: Network, settings: Settings, dataset: Dataset) -> Callable[[Batch], Tensor]:
    if len(dataset.catalogue) <= settings.full_softmax_items:
        return lambda batch: full_softmax(*_learned(network, batch))
    count = np.bincount(dataset.item, minlength=len(dataset.catalogue)).astype(np.float64)
    share = torch.from_numpy(0.5 * count / count.sum() + 0.5 * (count > 0) / (count > 0).sum())
    log_q = torch.log(settings.negatives * share).float()

    def drawn(batch: Batch) -> Tensor:
        negatives = torch.multinomial(share, settings.negatives, replacement=True)
        return sampled_softmax(*_learned(network, batch), negatives, log_q)

    return drawn


def _learned(network: Network, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Hidden vectors where there is something to learn, all item vectors, and the targets."""
    learn = batch.target >= 0
    return network(batch)[learn], network.item.weight, batch.target[learn]
