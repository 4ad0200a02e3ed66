"""Items of a history vote for other items, by a matrix of what speaks for what."""

from __future__ import annotations

from abc import abstractmethod
from typing import TypeVar

import numpy as np
from pydantic import Field
from scipy import sparse

from endcap import config
from endcap.nn.scoring import batch_of
from endcap.stages import Retriever
from endcap.types import History, Queries, Ragged, Ranking, distinct
from endcap.types.sparse import Matrix, are_strongest, pack, row_of, strongest, sums, unpack
from endcap.types.state import State, parted, under

SIMILARITY = "similarity"


class Votes(config.Settings):
    """Which events vote."""

    history: int = Field(50, gt=0, description="newest events of a visitor that vote")
    recency: float = Field(0.8, gt=0, le=1, description="what the vote of each older event keeps")


V = TypeVar("V", bound=Votes)


class Voting(Retriever[V]):
    """A retriever that needs to know no more than which item speaks for which."""

    def __init__(self, settings: V, state: State) -> None:
        """state: may hold the similarity as well, where that has been worked out."""
        state, similarity = parted(state, SIMILARITY)
        super().__init__(settings, state)
        if similarity:
            vars(self)[SIMILARITY] = unpack(similarity, len(similarity["offsets"]) - 1)

    @property
    def arrays(self) -> State:
        return {**self.state, **self.worked_out}

    @property
    def worked_out(self) -> State:
        return under(SIMILARITY, pack(self.similarity))

    @property
    @abstractmethod
    def similarity(self) -> Matrix:
        """[items, items] how much a row's item speaks for each column's."""

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        return elect(self._votes(queries.history), self.similarity, queries, n)

    def because(self, queries: Queries, ranking: Ranking) -> Ragged:
        return reasons(self._votes(queries.history), self.similarity, ranking)

    def _votes(self, history: History) -> Matrix:
        chosen = self.settings
        return votes_of(history, chosen.history, chosen.recency, self.similarity.shape[0])


def votes_of(history: History, newest: int, recency: float, items: int) -> Matrix:
    """[queries, items] how much each item of the newest events says: the newest 1, and each older
    one `recency` of what the one after it says."""
    last = history.last(newest)
    weight = recency ** last.ages.astype(np.float32)
    offsets = last.offsets.astype(np.int32)
    votes: Matrix = sparse.csr_array((weight, last.items.copy(), offsets), (len(last), items))
    votes.sum_duplicates()
    return votes


def elect(votes: Matrix, similarity: Matrix, queries: Queries, n: int) -> Ranking:
    """The `n` items that each query's votes speak for most, none that it excludes.

    similarity: [items, items] how much a row's item speaks for each column's.
    """
    at_once = batch_of(similarity.shape[1])
    parts = [
        (rows, best_of((votes if part is queries else votes[rows]) @ similarity, part, n))
        for rows, part in queries.batches(at_once)
    ]
    return Ranking.concat(parts)


def best_of(scores: Matrix, queries: Queries, n: int) -> Ranking:
    """The `n` best-scored items of each query, none that it excludes. scores: [queries, items]"""
    if queries.allowed is not None:
        scores.data[~queries.allowed[scores.indices]] = 0
    # So many that n remain even where all that is excluded stands above them.
    top = are_strongest(scores, n + queries.exclude.lengths)
    row, item = row_of(scores)[top], scores.indices[top].astype(np.int32)
    ranking = Ranking.sort(row, item, scores.data[top])
    return ranking.keep(queries.permits(ranking.query, ranking.item)).top(n)


def reasons(votes: Matrix, similarity: Matrix, ranking: Ranking) -> Ragged:
    """For each row of the ranking, the items that voted for it, by their share of its score."""
    voters = distinct(votes.indices)
    for_item = similarity[voters].T.tocsr()[ranking.item]
    share = votes[:, voters][ranking.query].multiply(for_item).tocsr()
    best = by_share(share)
    return Ragged(best.offsets, voters[best.values].astype(np.int32))


def shared(votes: Matrix, given: Matrix, by_label: Matrix, ranking: Ranking) -> Ragged:
    """The same where items speak for those that they have labels in common with.

    given: [items, labels] and by_label: [labels, items] whose product says how much.
    """
    past, shown = distinct(votes.indices), distinct(ranking.item)
    alike = (given[past] @ by_label[:, shown]).tocoo()
    shape = (given.shape[0],) * 2
    return reasons(votes, sums(past[alike.row], shown[alike.col], alike.data, shape), ranking)


def by_share(share: Matrix) -> Ragged:
    """The columns of each row that have a share, the largest first."""
    share = strongest(share, share.shape[1])
    order = np.lexsort((share.indices, -share.data, row_of(share)))
    return Ragged(share.indptr.astype(np.int64), share.indices[order].astype(np.int32))
