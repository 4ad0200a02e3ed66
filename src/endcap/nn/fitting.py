"""Networks that learn from pairs of visitors and items, and score the whole catalogue."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import ClassVar, Generic, Self, TypeAlias, TypeVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from endcap import config
from endcap.nn.loop import Plan, train
from endcap.nn.pairs import Pairs, pair_steps
from endcap.nn.pooling import pooled, shares
from endcap.nn.scoring import Scores, best, ndcg
from endcap.stages import Retriever, Run
from endcap.tables.dataset import Asked, Dataset
from endcap.types import Floats, History, Queries, Ranking
from endcap.types.state import State


class Training(config.Settings):
    """What is seen of a visitor, and how long and how fast a network learns."""

    history: int = Field(50, gt=0, description="newest events of a visitor that count")
    recency: float = Field(0.8, gt=0, le=1, description="what each older event of them keeps")
    epochs: int = Field(30, gt=0, description="epochs at most; without a judge, exactly")
    patience: int = Field(3, gt=0, description="epochs without a better score before it stops")
    batch: int | None = Field(
        None, gt=0, description="events in a batch; by the size of the log where not given"
    )
    learning_rate: float = Field(5e-3, gt=0, description="step size of AdamW")
    weight_decay: float = Field(0.1, ge=0, description="pull of the weights towards 0")
    average: float = Field(0.995, ge=0, lt=1, description="what the mean of weights keeps a step")
    judged: int = Field(2_000, gt=0, description="questions by which epochs are chosen")


class MeanOfPast(nn.Module, ABC):
    """A network to which a visitor is the mean over what they did, newer events counting more.

    So nobody has weights of their own: a newcomer is answered like everyone, and each event
    changes the answer.
    past: [items, width] what an item says of who took it; kinds: [event types] how much one of
    each says.
    """

    kinds: Tensor

    def __init__(self, settings: Training, items: int, width: int, kinds: Floats) -> None:
        super().__init__()
        self.settings = settings
        self.past = nn.Embedding(items, width)
        self.register_buffer("kinds", torch.from_numpy(np.array(kinds)))

    def visitors(self, past: History) -> Tensor:
        """[rows, width]"""
        share = shares(past, self.settings.recency, self.kinds)
        return pooled(self.past.weight, past, past.items, share)

    @abstractmethod
    def scorer(self) -> Scores:
        """What it answers, once it learns no more."""


N = TypeVar("N", bound=nn.Module)
T = TypeVar("T", bound=Training)
M = TypeVar("M", bound=MeanOfPast)

Loss: TypeAlias = Callable[[Pairs], Tensor]
"""Of a batch of pairs."""

Lessons: TypeAlias = tuple[Loss, Dataset, Floats]
"""The loss, what the pairs are of, and [events] how much each counts."""


class FromPairs(Retriever[T], Generic[T, M]):
    """A retriever that is such a network, and nothing else. name: what reports call it.

    state: the network's weights, by their names.
    """

    name: ClassVar[str]

    def __init__(self, settings: T, state: State) -> None:
        super().__init__(settings, state)
        self.items = len(state["past.weight"])
        network = self.network(settings, self.items, state["kinds"])
        self.scores = restored(network, state).scorer()

    @classmethod
    @abstractmethod
    def network(cls, settings: T, items: int, kinds: Floats) -> M:
        """One that has learned nothing yet. kinds: see `MeanOfPast`."""

    @classmethod
    @abstractmethod
    def lessons(cls, network: M, settings: T, dataset: Dataset) -> tuple[Loss, Floats]:
        """The loss, and [events] how much each counts."""

    @classmethod
    def fit(cls, settings: T, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        torch.manual_seed(run.seed)
        network = cls.network(settings, len(dataset.catalogue), dataset.kind_weights)
        loss, weight = cls.lessons(network, settings, dataset)
        lessons, scorer = (loss, dataset, weight), type(network).scorer
        return cls(*fitted(network, settings, lessons, scorer, judge, run, cls.name))

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        return best(self.scores, queries, n, self.items)


def fitted(
    network: N,
    settings: T,
    lessons: Lessons,
    scorer: Callable[[N], Scores],
    judge: Asked | None,
    run: Run,
    name: str,
) -> tuple[T, State]:
    """The settings with the epochs that were best, and the weights by their names."""
    steps = partial(pair_steps, *lessons, settings.history, settings.batch, run.seed)
    score = None
    if judge is not None:
        items = len(lessons[1].catalogue)
        score = partial(_score, scorer, judge.sample(settings.judged, run.seed), items)
    trained, epochs = train(network, steps, score, Plan.of(settings, name), run)
    state = {key: tensor.numpy() for key, tensor in trained.state_dict().items()}
    return settings.model_copy(update={"epochs": epochs}), state


def _score(scorer: Callable[[N], Scores], judge: Asked, items: int, network: N) -> float:
    network.eval()
    return ndcg(scorer(network), judge, items)


def restored(network: N, state: State) -> N:
    """The network with the weights that `fitted` gave, ready to answer. They are the very arrays
    of the state, which processes may have in common."""
    weights = {name: torch.from_numpy(array) for name, array in state.items()}
    network.load_state_dict(weights, assign=True)
    return network.eval()
