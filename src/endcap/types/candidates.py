"""What several retrievers propose together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from endcap.types.arrays import Bools, Floats, Int32s, Int64s, firsts, pair_keys
from endcap.types.ranking import Ranking, best_first


@dataclass(frozen=True, slots=True)
class Candidates:
    """A joined ranking, and where each retriever placed each row.

    Scores of two retrievers can't be compared; places can, and so can scores that are scaled
    within their list.
    places: [rows, retrievers] from 1, NaN where a retriever did not propose the item.
    scores: [rows, retrievers] from 1 at the top of the retriever's list to 0 at its end; NaN
        likewise.
    """

    ranking: Ranking
    retrievers: tuple[str, ...]
    places: Floats = field(repr=False)
    scores: Floats = field(repr=False)

    @classmethod
    def of(cls, lists: Mapping[str, Ranking]) -> Candidates:
        """All that is proposed, each item once a query, not yet scored."""
        query = np.concatenate([ranking.query for ranking in lists.values()])
        item = np.concatenate([ranking.item for ranking in lists.values()])
        (keys,) = pair_keys((query, item))
        order = np.argsort(keys)
        new = firsts(keys[order])
        first, row = order[new], np.empty_like(order)
        row[order] = np.cumsum(new) - 1
        column = np.repeat(np.arange(len(lists)), [len(ranking) for ranking in lists.values()])
        values = np.full((2, len(first), len(lists)), np.nan, np.float32)
        values[0, row, column] = np.concatenate([ranking.places for ranking in lists.values()])
        values[1, row, column] = np.concatenate([ranking.scaled for ranking in lists.values()])
        unscored = Ranking(query[first], item[first], np.zeros(len(first), np.float32))
        return cls(unscored, tuple(lists), *values)

    @classmethod
    def concat(cls, parts: Sequence[tuple[Int64s, Candidates]]) -> Candidates:
        """Candidates of batches, each with the row numbers of its queries, as one."""
        names = tuple(dict.fromkeys(name for _, part in parts for name in part.retrievers))
        seen = [(rows, part.seen_by(names)) for rows, part in parts]
        none = np.zeros((0, len(names)), np.float32)
        return cls(
            Ranking.concat([(rows, part.ranking) for rows, part in seen]),
            names,
            np.concatenate([none, *(part.places for _, part in seen)]),
            np.concatenate([none, *(part.scores for _, part in seen)]),
        )

    def keep(self, rows: Bools | Int32s | Int64s | slice) -> Candidates:
        """Some rows, or all in another order."""
        ranking = Ranking(
            self.ranking.query[rows], self.ranking.item[rows], self.ranking.score[rows]
        )
        return Candidates(ranking, self.retrievers, self.places[rows], self.scores[rows])

    def seen_by(self, retrievers: Sequence[str]) -> Candidates:
        """The same rows with the columns of these retrievers, NaN for one that took no part."""
        if tuple(retrievers) == self.retrievers:
            return self
        column = {name: place for place, name in enumerate(self.retrievers)}
        nowhere = np.full(len(self.ranking), np.nan, np.float32)
        places, scores = (
            np.stack(
                [own[:, column[name]] if name in column else nowhere for name in retrievers], 1
            )
            if retrievers
            else np.zeros((len(self.ranking), 0), np.float32)
            for own in (self.places, self.scores)
        )
        return replace(self, retrievers=tuple(retrievers), places=places, scores=scores)

    def proposed(self, query: Int32s, item: Int32s) -> list[dict[str, int]]:
        """[pairs] the place of each item with each retriever that proposed it to its query."""
        rows = self.ranking.find(query, item)
        known = np.flatnonzero(rows >= 0)
        places = self.places[rows[known]]
        pair, column = np.nonzero(places > 0)  # where it did not, it has none
        columns = known[pair], column, places[pair, column].astype(np.int64)
        told: list[dict[str, int]] = [{} for _ in rows]
        for one, retriever, place in zip(*(own.tolist() for own in columns), strict=True):
            told[one][self.retrievers[retriever]] = place
        return told

    def votes(self, constant: float) -> Floats:
        """[rows, 2 × retrievers] what a join adds up: reciprocal places, 1 for the first, then
        scaled scores; 0 where a retriever did not propose the row."""
        votes = np.hstack([(1 + constant) / (constant + self.places), self.scores])
        return np.nan_to_num(votes).astype(np.float32, copy=False)

    def joined(self, weights: Sequence[float] | Floats, constant: float) -> Candidates:
        """Best first by Σ weight · vote. weights: [2 × retrievers], those of the places first.

        With weights of places only it is reciprocal rank fusion (Cormack, Clarke & Büttcher,
        SIGIR 2009).
        """
        score = self.votes(constant) @ np.asarray(weights, np.float32)
        ranking = replace(self.ranking, score=score)
        order = best_first(ranking.query, ranking.item, ranking.score)
        return replace(self, ranking=ranking).keep(order)

    def score(self, score: Floats) -> Ranking:
        """The same rows by new scores, best first."""
        return Ranking.sort(self.ranking.query, self.ranking.item, score)
