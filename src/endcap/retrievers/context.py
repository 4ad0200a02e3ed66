"""What people like this one take: popular by age, country, device, campaign or declared taste.

For visitors of whom nothing is known but that, before their first event.
"""

from __future__ import annotations

from functools import cached_property
from typing import Self

import numpy as np
from pydantic import Field

from endcap import config
from endcap.content.labels import packed, unpacked
from endcap.stages import Retriever, Run
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Asked, Dataset
from endcap.types import DAY, Floats, Int32s, Queries, Ragged, Ranking
from endcap.types.sparse import Matrix, pack, sums, unpack
from endcap.types.state import State


class Settings(config.Settings):
    """How much a label must know to be heard, and how fast it forgets."""

    half_life_days: float = Field(60.0, gt=0, description="days after which an event counts half")
    support: int = Field(20, gt=0, description="visitors that must have a label")
    shrink: float = Field(
        30.0,
        gt=0,
        description="events at the usual rate that are added to those of an item, and of a "
        "category, under a label",
    )
    strength: float = Field(
        1.0,
        ge=0,
        description="how far labels lead from what is popular: 0 not at all, 1 their mean",
    )


class ByContext(Retriever[Settings]):
    """What is popular with everybody, times how much more it is so under each label of the query.

        popular with all × (popular with 65+ / with all × popular on phones / with all)^(strength/2)

    How much more is what visitors with the label took, by what they would have taken like all
    others, each with some events at the usual rate added (Gamma-Poisson shrinkage, as in DuMouchel,
    1999). The usual rate of an item is that of its category under the label, and the category's
    that of everybody; so what is seldom taken, and a label that is new, change little. A query
    without a label gets what is popular.
    state: `labels`, their names; events under each, faded, as a packed matrix [labels, items];
    `everybody` [items] all events, faded; `category` [items]; `known` [1] items that the fit knew.
    Those that came since stand behind what anybody took, by how their category fares.
    """

    settings_type = Settings
    search = config.space(
        half_life_days=config.Between(3.0, 365.0, log=True),
        shrink=config.Between(1.0, 300.0, log=True),
        strength=config.Between(0.0, 4.0),
    )

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        names, own = _labels(dataset, settings.support)
        age = (dataset.end - dataset.time) / (settings.half_life_days * DAY)
        value = dataset.weight * np.exp2(-age).astype(np.float32)
        items = len(dataset.catalogue)
        shape = (len(dataset.users), items)
        by_user = sums(dataset.user, dataset.item, value.astype(np.float64), shape)
        wears = sums(own.rows, own.values, np.ones(len(own.values)), (len(own), len(names)))
        everybody = np.bincount(dataset.item, value, minlength=items)
        under: Matrix = (wears.T @ by_user).tocsr()
        category = dataset.catalogue.category
        state: State = {"labels": packed(names), "everybody": everybody, "category": category}
        return cls(settings, {**pack(under), **state, "known": np.array([items])})

    def adopt(self, catalogue: Catalogue, new: Int32s) -> Self | None:
        if "known" not in self.state:  # of an older version
            return None
        none, category = np.zeros(len(new)), catalogue.category[new]
        changes = {
            "everybody": np.r_[self.state["everybody"], none],
            "category": np.r_[self.state["category"], category],
        }
        return type(self)(self.settings, {**self.state, **changes})

    @cached_property
    def _codes(self) -> dict[str, int]:
        return {name: code for code, name in enumerate(unpacked(self.state["labels"]))}

    @cached_property
    def _under(self) -> Matrix:
        return unpack(self.state, len(self.state["everybody"]))

    @cached_property
    def _share(self) -> Floats:
        """[items] of all events."""
        everybody = self.state["everybody"]
        share: Floats = (everybody / max(float(everybody.sum()), 1e-12)).astype(np.float32)
        return share

    @property
    def hears_context(self) -> bool:
        return True

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        said = queries.context or ((),) * len(queries)
        known = [self._known(own) for own in said]
        # Those with the same labels together, so that their scores are worked out once.
        alike = np.array(sorted(range(len(known)), key=known.__getitem__), np.int64)
        parts = []
        for rows, part in queries.take(alike).batches(64):
            own = [known[row] for row in alike[rows]]
            scores = {codes: self._scores(codes) for codes in set(own)}
            each = np.stack([scores[codes] for codes in own])
            parts.append((alike[rows], Ranking.best(part.forbid(each), n)))
        found = Ranking.concat(parts)
        return Ranking.sort(found.query, found.item, found.score)

    def _known(self, said: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(sorted(self._codes[label] for label in said if label in self._codes))

    def _scores(self, codes: tuple[int, ...]) -> Floats:
        """[items] −inf for what nobody took, though it was there."""
        score = np.log(np.maximum(self._share.astype(np.float64), 1e-30))
        for code in codes:
            score += np.log(self._more(code)) * self.settings.strength / len(codes)
        known = int(self.state.get("known", [len(score)])[0])
        score[:known][self._share[:known] <= 0] = -np.inf
        return score.astype(np.float32)

    def _more(self, code: int) -> Floats:
        """[items] how many times as often as others visitors with a label take each."""
        category, added = self.state["category"], self.settings.shrink
        own = self._under[[code]].toarray()[0]
        usual = own.sum() * self._share
        kind = (np.bincount(category, own) + added) / (np.bincount(category, usual) + added)
        kind[:1] = 1  # of no category
        more: Floats = (own + added * kind[category]) / (usual + added)
        return more


def _labels(dataset: Dataset, support: int) -> tuple[list[str], Ragged]:
    """The labels that enough visitors of the log have, and which of them each user has."""
    said = dataset.context or ((),) * len(dataset.users)
    here = np.bincount(dataset.user, minlength=len(said)) > 0
    said = tuple(own if seen else () for own, seen in zip(said, here, strict=True))
    words = [label for own in said for label in own]
    names, count = (
        np.unique(words, return_counts=True) if words else (np.zeros(0, str), np.zeros(0))
    )
    kept = names[count >= support].tolist()
    codes = {name: code for code, name in enumerate(kept)}
    return kept, Ragged.of([[codes[label] for label in own if label in codes] for own in said])
