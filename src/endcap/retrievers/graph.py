"""Walks over what is known: from what the visitor had, by facts and by other visitors, to more.

For catalogues that say what items have to do with one another, and logs that are thin: a walk
also reaches what nobody has taken yet.
"""

from __future__ import annotations

from functools import cached_property
from typing import Self

import numpy as np
from pydantic import Field
from scipy import sparse

from endcap import config
from endcap.content.labels import packed, unpacked
from endcap.nn.interactions import ONE, interactions
from endcap.nn.scoring import best
from endcap.nn.votes import by_share, votes_of
from endcap.stages import Retriever, Run
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.knowledge import FIELDS, GOES_WITH, Knowledge
from endcap.tables.knowledge import Field as Column
from endcap.types import Floats, Int32s, Int64s, Queries, Ragged, Ranking, Tie
from endcap.types.sparse import Matrix, pack, sums, unpack


class Settings(config.Settings):
    """What is walked on, and how far."""

    fields: tuple[Column, ...] = Field(
        FIELDS, description="columns of the catalogue that say what items share, beside triples"
    )
    facts: float = Field(
        0.3, ge=0, description="how wide the way of a fact is, by that of what a visitor took"
    )
    weights: dict[str, float] = Field(
        {}, description="the same for single relations, by name; 0 leaves one out"
    )
    stay: float = Field(0.9, gt=0, lt=1, description="chance of each step to go on, not to return")
    steps: int = Field(6, gt=0, description="steps of a walk")
    hubs: float = Field(
        0.3, ge=0, le=1, description="how much a crowded place is shunned: 1 as far as all go there"
    )
    taken: int = Field(200, gt=0, description="different items of each visitor that count")
    history: int = Field(50, gt=0, description="newest events of a visitor that count")
    recency: float = Field(0.95, gt=0, le=1, description="what each older event of them keeps")


class GraphWalk(Retriever[Settings]):
    """Random walks that return to their beginning (personalised PageRank: Haveliwala, WWW 2002)
    on a graph of items, visitors and facts; crowded places are discounted as in Christoffel et
    al., RecSys 2015.

        scarf ─ brand: acme ─ mug        scarf ─ visitor ─ gloves

    state: the facts as `heads`, `links`, `tails`, the names of their relations as `relations`;
    what each visitor took as a packed matrix [users, items]; `size` [2] of the items and of all
    that facts speak of.
    """

    settings_type = Settings
    search = config.space(
        facts=config.Between(0.03, 3.0, log=True),
        stay=config.Between(0.5, 0.97),
        hubs=config.Between(0.0, 0.7),
        recency=config.Between(0.6, 1.0),
    )

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        run.report("graph: joining facts", 0.5)
        known = Knowledge.of(dataset.catalogue, settings.fields)
        weight = dataset.kind_weights
        taken = interactions(dataset.history, weight, settings.taken, known.items)
        facts = {"heads": known.heads, "links": known.links, "tails": known.tails}
        size = np.array([known.items, known.nodes])
        relations = packed(list(known.relations))
        return cls(settings, {**facts, **pack(taken), "relations": relations, "size": size})

    @property
    def items(self) -> int:
        return int(self.state["size"][0])

    @cached_property
    def relations(self) -> list[str]:
        return list(unpacked(self.state["relations"]))

    @cached_property
    def ways(self) -> Matrix:
        """[places, places] the chance of a step from each column's place to each row's: items,
        other things, visitors."""
        taken, nodes = unpack(self.state, self.items).tocoo(), int(self.state["size"][1])
        given = [self.settings.weights.get(one, self.settings.facts) for one in self.relations]
        width = np.array([*given, 0.0], np.float32)[self.state["links"]]
        start = np.r_[self.state["heads"], taken.col]
        end = np.r_[self.state["tails"], nodes + taken.row]
        value = np.r_[width, taken.data.astype(np.float32) / ONE].astype(np.float32)
        shape = (nodes + taken.shape[0],) * 2
        graph = sums(np.r_[start, end], np.r_[end, start], np.r_[value, value], shape)
        crowd = np.maximum(np.asarray(graph.sum(axis=1)), 1e-12)
        leave = sparse.diags_array((crowd ** (self.settings.hubs - 1)).astype(np.float32))
        enter = sparse.diags_array((crowd**-self.settings.hubs).astype(np.float32))
        ways: Matrix = (enter @ graph @ leave).tocsr()
        return ways

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        ranking = best(self._scores, queries, n)
        return ranking.keep(ranking.score > 0)

    def because(self, queries: Queries, ranking: Ranking) -> Ragged:
        """By walks back from what is shown."""
        shown, place = np.unique(ranking.item, return_inverse=True)
        votes = self._votes(queries)
        start = np.zeros((self.ways.shape[0], len(shown)), np.float32)
        start[shown, np.arange(len(shown))] = 1
        back: Floats = self._walked(start, self.ways.T.tocsr())[: self.items]
        own = votes[ranking.query].tocoo()
        share = back[own.col, place[own.row]] * own.data * (own.col != ranking.item[own.row])
        return by_share(sums(own.row, own.col, share, (len(ranking), self.items)))

    def ties(self, items: Int32s, other: int) -> list[Tie | None]:
        return [self._tie(int(item), other) for item in items]

    def _scores(self, queries: Queries) -> Floats:
        """[queries, items] 0 where no walk comes to."""
        votes = self._votes(queries)
        start = np.zeros((self.ways.shape[0], len(queries)), np.float32)
        start[: self.items] = (votes / votes.sum(axis=1)[:, None]).T.toarray()
        scores: Floats = self._walked(start, self.ways)[: self.items].T
        return scores

    def _walked(self, start: Floats, ways: Matrix) -> Floats:
        """[places, walks] how often a walk is at each place, its beginnings aside."""
        stay, at = np.float32(self.settings.stay), start
        total = np.zeros_like(start)
        for _ in range(self.settings.steps):
            at = stay * (ways @ at)
            total += at
        return total

    def _votes(self, queries: Queries) -> Matrix:
        settings = self.settings
        return votes_of(queries.history, settings.history, settings.recency, self.items)

    def _tie(self, item: int, other: int) -> Tie | None:
        """By the shortest way between them, and of equal ones that by the rarest thing."""
        mine, theirs = self._around(item), self._around(other)
        if other in mine:
            link = mine[other]
            return Tie("with") if link == GOES_WITH else Tie("joined", _word(link))
        shared = [thing for thing, link in mine.items() if theirs.get(thing) == link]
        if shared:
            return Tie("same", _word(mine[min(shared, key=lambda thing: self._crowd[thing])]))
        taken = unpack(self.state, self.items)[:, [item, other]]
        return Tie("with") if (np.diff(taken.indptr) == 2).any() else None

    def _around(self, node: int) -> dict[int, str]:
        """What a node has a fact with, and by which relation."""
        found = dict[int, str]()
        for one, two in (("heads", "tails"), ("tails", "heads")):
            for fact in np.flatnonzero(self.state[one] == node):
                found[int(self.state[two][fact])] = self.relations[self.state["links"][fact]]
        return found

    @cached_property
    def _crowd(self) -> Int64s:
        """[nodes] how many facts each is part of."""
        ends = np.r_[self.state["heads"], self.state["tails"]]
        return np.bincount(ends, minlength=int(self.state["size"][1]))


def _word(relation: str) -> str:
    """
    >>> _word("music.artist.place_of_birth")
    'place of birth'
    """
    return relation.rpartition(".")[2].replace("_", " ")
