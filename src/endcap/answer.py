"""What comes out of the answer path: lists, and how they came to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np

from endcap.types import Candidates, Int64s, Ranking

PathTaken: TypeAlias = Literal["full", "no_ranker", "popular"]

Steps: TypeAlias = tuple[tuple[str, Ranking], ...]

_WORST_FIRST: tuple[PathTaken, ...] = ("popular", "no_ranker")


@dataclass(frozen=True)
class Answer:
    """Lists for each query, the path they came by, and who proposed what at which place.

    steps: the whole lists after each step, the models first; none where batches were joined.
    seconds: how long each stage took, as far as the same goes for it.
    """

    ranking: Ranking
    path: PathTaken
    candidates: Candidates
    steps: Steps = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def concat(cls, parts: Sequence[tuple[Int64s, Answer]]) -> Answer:
        """Answers to batches, each with the row numbers of its queries, as one; by the worst of
        their paths."""
        ranking = Ranking.concat([(rows, part.ranking) for rows, part in parts])
        paths = {part.path for _, part in parts}
        worst: PathTaken = next((path for path in _WORST_FIRST if path in paths), "full")
        candidates = Candidates.concat([(rows, part.candidates) for rows, part in parts])
        return Answer(ranking, worst, candidates)

    def of(self, query: int) -> Answer:
        """The answer to one of the queries, as if it had been asked alone."""
        own = self.candidates.keep(self.candidates.ranking.span(query))
        return Answer(
            _alone(self.ranking, query),
            self.path,
            replace(own, ranking=_alone(self.candidates.ranking, query)),
            tuple((name, _alone(ranking, query)) for name, ranking in self.steps),
        )


def _alone(ranking: Ranking, query: int) -> Ranking:
    own = ranking.of(query)
    return replace(own, query=np.zeros(len(own), np.int32))
