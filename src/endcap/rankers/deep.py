"""A network that reads the visitor's past for each candidate: how likely is it taken?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from endcap import config
from endcap.content import voices
from endcap.content.voices import CONTENT, Voices
from endcap.features import Features
from endcap.nn.calibration import Calibration
from endcap.nn.fitting import restored
from endcap.nn.funnel import cross_entropy, listwise, log_odds
from endcap.nn.loop import Plan, train
from endcap.nn.preference import Preference, Rows, Shape
from endcap.nn.scale import Scale
from endcap.nn.scoring import gain
from endcap.stages import Ranker, Run
from endcap.tables.asked import Asked
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Dataset
from endcap.tables.funnel import Funnel
from endcap.tables.lessons import lessons
from endcap.types import (
    Bools,
    Candidates,
    Floats,
    Int32s,
    Int64s,
    Queries,
    Ragged,
    Ranking,
    offsets_of,
)
from endcap.types.state import State, below, under

NETWORK = "network"
"""What the names of the network's weights begin with."""


class Settings(Shape):
    """The network, what it hears, what it is to make small, and the training."""

    content: dict[str, dict[str, Any]] = Field(
        {},
        description="encoders by names of your own, each a class path and its settings, by whose "
        "vectors candidates are like what the visitor had, or not",
    )
    listwise: float = Field(
        1.0, ge=0, description="weight of the order in a list, beside how likely each step is"
    )
    drawn: int = Field(100, gt=0, description="candidates of a question that are learnt from")
    questions: int = Field(32, gt=0, description="questions in a batch")
    epochs: int = Field(30, gt=0, description="epochs at most")
    patience: int = Field(5, gt=0, description="epochs without a better NDCG before it stops")
    learning_rate: float = Field(6e-3, gt=0, description="step size of AdamW")
    weight_decay: float = Field(0.01, ge=0, description="pull of the weights towards 0")
    average: float = Field(0.98, ge=0, lt=1, description="what the mean of weights keeps a step")


class DeepRanker(Ranker[Settings]):
    """Target attention (DIN) over the visitor's past and cross layers (DCN-V2) over what
    LambdaMART sees; a head for each step of the funnel, from which the product is taken (ESMM).

    state: the network's weights, what `Voices` keeps, the features and their scale, what scores
    mean, and as JSON the names of the steps, and the place of the aim among these.
    """

    settings_type = Settings
    probability = True
    search = config.space(
        dim=config.Choice(8, 16, 32),
        length=config.Choice(10, 20, 50),
        crosses=config.Choice(1, 2, 3),
        width=config.Choice(16, 32, 64),
        dropout=config.Between(0.0, 0.5),
        learning_rate=config.Between(1e-3, 2e-2, log=True),
    )

    def __init__(self, settings: Settings, state: State) -> None:
        super().__init__(settings, state)
        names = json.loads(bytes(state["names"]))
        self._features, self._aim = Features.of(state), names["aim"]
        self._scale, self._calibration = Scale.of(state), Calibration.of(state)
        shape = settings, self._scale.width, len(names["steps"])
        network = Preference(*shape, below(state, CONTENT))
        self._network = restored(network, below(state, NETWORK))
        self._settled = self._network.content.settled()

    @classmethod
    def check(cls, settings: Settings, key: str) -> None:
        voices.resolved(settings.content, f"{key}.content")

    @classmethod
    def fit(
        cls, settings: Settings, dataset: Dataset, asked: Asked, candidates: Candidates, run: Run
    ) -> Self:
        learnt, held = lessons(asked, candidates, dataset, run.seed)
        funnel = Funnel.of(dataset)
        labels = funnel.labels(asked, candidates.ranking)
        drawn = _drawn(candidates.ranking.query, labels, learnt, held, settings.drawn, run.seed)
        candidates, labels = candidates.keep(drawn), labels[drawn]
        past = np.isin(candidates.ranking.query, learnt)
        features = Features.fit(
            run.features, asked.queries, candidates.keep(past), dataset.catalogue
        )
        _, values = features(asked.queries, candidates, dataset.catalogue)
        scale = Scale.fit(values[past])
        rows = Rows.of(
            asked.queries, candidates.ranking, dataset.catalogue, scale(values), settings.length
        )
        told = Voices.fit(settings.content, dataset.catalogue, run)
        course = Course(rows, torch.from_numpy(labels), funnel.aim, learnt, held, told.vectors)
        network = course.train(settings, run)
        names = {"steps": funnel.steps, "aim": funnel.aim}
        weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
        return cls(
            settings,
            {
                **under(NETWORK, weights),
                **told.state,
                **features.state,
                **scale.state,
                **course.calibration(network).state,
                "names": np.frombuffer(json.dumps(names).encode(), np.uint8),
            },
        )

    def rank(self, queries: Queries, candidates: Candidates, catalogue: Catalogue) -> Ranking:
        ranking = candidates.ranking
        if not len(ranking):
            return ranking
        _, values = self._features(queries, candidates, catalogue)
        rows = Rows.of(queries, ranking, catalogue, self._scale(values), self.settings.length)
        scores = _scores(self._network, rows, self._aim, self._settled)
        return candidates.score(self._calibration(scores))

    def over(self, catalogue: Catalogue, run: Run) -> Self:
        told = Voices.of(self.settings.content, self.state).over(catalogue, run)
        return type(self)(self.settings, {**self.state, **under(CONTENT, told.vectors)})

    def adopt(self, catalogue: Catalogue, new: Int32s) -> Self:
        """By what they have in common with what the visitor had."""
        if self._settled is None:
            return self
        said, _ = Voices.of(self.settings.content, self.state).say(catalogue.some(new))
        grown = copy(self)
        grown._settled = torch.cat([self._settled, self._network.content.of(said)])
        return grown


@dataclass(frozen=True)
class Course:
    """What a network is taught, and what it is judged by.

    labels: [rows, steps] how far the visitor came; aim: the step that is ranked by.
    learnt, held: the questions to learn from, and those held out.
    content: what encoders say of all items, [items, width], by their names.
    """

    rows: Rows
    labels: Tensor
    aim: int
    learnt: Int64s
    held: Int64s
    content: Mapping[str, Floats]

    def train(self, settings: Settings, run: Run) -> Preference:
        torch.manual_seed(run.seed)
        plan = Plan.of(settings, "deep ranker")
        shape = settings, self.rows.features.shape[1], self.labels.shape[1]
        network = Preference(*shape, self.content)
        steps = partial(self._steps, network, settings, run.seed)
        judge = partial(_ndcg, *self._watched(), self.aim)
        best, _ = train(network, steps, judge, plan, run)
        return best.eval()

    def calibration(self, network: Preference) -> Calibration:
        """What the scores of questions held out turned out to mean."""
        rows, taken = self._of(self.held)
        return Calibration.fit(
            _scores(network, rows, self.aim, network.content.settled()), taken[:, self.aim].numpy()
        )

    def _of(self, questions: Int64s) -> tuple[Rows, Tensor]:
        """The rows of some questions, and their labels."""
        return self.rows.take(questions), self.labels[self.rows.places(questions)]

    def _watched(self) -> tuple[Rows, Bools]:
        """The questions held out that have an answer, and which rows are right."""
        right = self.rows.query[self.labels[:, self.aim]].numpy()
        rows, labels = self._of(np.intersect1d(self.held, right))
        return rows, labels[:, self.aim].numpy()

    def _steps(
        self, network: Preference, settings: Settings, seed: int, epoch: int
    ) -> Iterator[tuple[float, Callable[[], Tensor]]]:
        order = np.random.default_rng([seed, epoch]).permutation(self.learnt)
        for start in range(0, len(order), settings.questions):
            some = np.sort(order[start : start + settings.questions])
            share = min(1.0, (start + settings.questions) / len(order))
            yield share, partial(self._loss, network, settings.listwise, some)

    def _loss(self, network: Preference, weight: float, questions: Int64s) -> Tensor:
        """The mean over questions."""
        rows, labels = self._of(questions)
        chances = network(rows)
        order = listwise(log_odds(chances[:, self.aim]), labels[:, self.aim], rows.query)
        return (cross_entropy(chances, labels) + weight * order) / len(questions)


def _scores(network: Preference, rows: Rows, aim: int, settled: Tensor | None) -> Floats:
    """[rows] log-odds that each is taken."""
    scores: Floats = log_odds(network.read(rows, settled)[:, aim]).numpy()
    return scores


def _ndcg(rows: Rows, right: Bools, aim: int, network: Preference) -> float:
    """NDCG@10 of the order of the rows, which stand for items here."""
    query = rows.query.numpy().astype(np.int32)
    score = _scores(network.eval(), rows, aim, network.content.settled())
    lists = Ranking.sort(query, np.arange(len(query), dtype=np.int32), score)
    lengths = np.bincount(query[right], minlength=len(rows.past.there))
    return gain(lists, Ragged(offsets_of(lengths), np.flatnonzero(right).astype(np.int32)))


def _drawn(
    query: Int32s, labels: Bools, learnt: Int64s, held: Int64s, drawn: int, seed: int
) -> Bools:
    """[rows] which are looked at: of the questions held out all; of those to learn from what the
    visitor did anything with, and `drawn` others, by chance."""
    share = drawn / np.bincount(query)[query]
    chance = np.random.default_rng(seed).random(len(query)) < share
    return np.isin(query, held) | (np.isin(query, learnt) & (chance | labels.any(axis=1)))
