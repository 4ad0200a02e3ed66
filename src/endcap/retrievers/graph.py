"""Walks over what is known: from what the visitor had, by facts and by other visitors, to more.

For catalogues that say what items have to do with one another, and logs that are thin: a walk
also reaches what nobody has taken yet.
"""

from __future__ import annotations

from copy import copy
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
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.knowledge import FIELDS, GOES_WITH, Knowledge
from endcap.tables.knowledge import Field as Column
from endcap.types import Floats, Int32s, Int64s, Queries, Ragged, Ranking, Tie
from endcap.types.sparse import Matrix, pack, sums, unpack
from endcap.types.state import State


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

    Places are the items of the fit, other things, visitors, then items that came since. Those are
    reached by their facts and lead on by them, and no walk goes through them: all else stays.
    state: the facts as `heads`, `links`, `tails`, the names of their relations as `relations` and
    of the things that are no items as `names`; what each visitor took as a packed matrix
    [users, items]; `size` [2] of the items and of all that facts speak of.
    """

    settings_type = Settings
    search = config.space(
        facts=config.Between(0.03, 3.0, log=True),
        stay=config.Between(0.5, 0.97),
        hubs=config.Between(0.0, 0.7),
        recency=config.Between(0.6, 1.0),
    )

    def __init__(self, settings: Settings, state: State) -> None:
        super().__init__(settings, state)
        self.items, self.nodes = (int(size) for size in state["size"])
        self.facts = np.stack([state[name] for name in ("heads", "links", "tails")])
        self.places = np.arange(self.items)  # of the items, those that came since among them

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        run.report("graph: joining facts", 0.5)
        known = Knowledge.of(dataset.catalogue, settings.fields)
        weight = dataset.kind_weights
        taken = interactions(dataset.history, weight, settings.taken, known.items)
        facts = {"heads": known.heads, "links": known.links, "tails": known.tails}
        size = np.array([known.items, known.nodes])
        words = {"relations": packed(list(known.relations)), "names": packed(list(known.names))}
        return cls(settings, {**facts, **pack(taken), **words, "size": size})

    @cached_property
    def relations(self) -> list[str]:
        return list(unpacked(self.state["relations"]))

    @cached_property
    def crowd(self) -> Floats:
        """[places of the fit] how wide all ways to each are together."""
        start, end, width = self._edges
        size = self.nodes + len(self.state["offsets"]) - 1
        return np.bincount(np.r_[start, end], np.r_[width, width], size).astype(np.float32)

    @cached_property
    def ways(self) -> Matrix:
        """[places, places] the chance of a step from each column's place to each row's."""
        start, end, width = self._edges
        shape = (len(self.crowd),) * 2
        graph = sums(np.r_[start, end], np.r_[end, start], np.r_[width, width], shape)
        crowd = np.maximum(self.crowd, 1e-12)
        ways: Matrix = (self._enter(crowd) @ graph @ self._leave(crowd)).tocsr()
        return ways

    @cached_property
    def reach(self) -> Matrix:
        """[items, places] the chance of the last step of a walk."""
        return self.ways[: self.items]

    @property
    def _edges(self) -> tuple[Int64s, Int64s, Floats]:
        """From where to where facts lead, and what visitors took, and how wide each way is."""
        taken = unpack(self.state, self.items).tocoo()
        width = np.r_[self._width(self.facts[1]), taken.data.astype(np.float32) / ONE]
        start = np.r_[self.facts[0], taken.col].astype(np.int64)
        return start, np.r_[self.facts[2], self.nodes + taken.row], width.astype(np.float32)

    def _width(self, links: Int32s) -> Floats:
        own, usual = self.settings.weights, self.settings.facts
        return np.array([*(own.get(one, usual) for one in self.relations), 0], np.float32)[links]

    def _enter(self, crowd: Floats) -> sparse.dia_array:
        return sparse.diags_array(crowd**-self.settings.hubs)

    def _leave(self, crowd: Floats) -> sparse.dia_array:
        return sparse.diags_array(crowd ** (self.settings.hubs - 1))

    def adopt(self, catalogue: Catalogue, new: Int32s) -> Self | None:
        """By the facts that they share with what the fit knew; None for one of a version that did
        not keep the names of things."""
        if "names" not in self.state:
            return None
        before = self.ways.shape[0]
        places, facts = before + np.arange(len(new)), self._told(catalogue, new, before)
        item, thing, width = facts[0] - before, facts[2], self._width(facts[1])
        own = np.maximum(np.bincount(item, width, len(new)), 1e-12).astype(np.float32)[item]
        there = np.maximum(self.crowd[thing] + width, 1e-12)  # as if the fact had been there
        hubs, shape = self.settings.hubs, (len(new), before)
        to = sums(item, thing, own**-hubs * width * there ** (hubs - 1), shape)
        back = sums(thing, item, there**-hubs * width * own ** (hubs - 1), shape[::-1])
        ways, reach = (
            sparse.hstack([self.ways, back], "csr"),
            sparse.vstack([self.reach, to], "csr"),
        )
        ways.resize(2 * (before + len(new),))
        reach.resize(reach.shape[0], before + len(new))
        grown = copy(self)
        grown.facts, grown.places = np.hstack([self.facts, facts]), np.r_[self.places, places]
        vars(grown).update(ways=ways, reach=reach)
        vars(grown).pop("_facts_of", None)
        return grown

    def _told(self, catalogue: Catalogue, new: Int32s, before: int) -> Int32s:
        """[3, facts] of new items: the place of each, the relation, and a place that the fit knew.

        before: the place of the first.
        """
        known = Knowledge.of(catalogue.some(new), self.settings.fields)
        others = [self._place(catalogue, name) for name in known.names]
        place = np.r_[before + np.arange(len(new)), np.array(others, np.int64)]
        relations = {name: code for code, name in enumerate(self.relations)}
        link = np.array([relations.get(name, -1) for name in known.relations], np.int64)
        ends = np.stack([place[known.heads], place[known.tails]])
        facts = np.stack([ends.max(axis=0), link[known.links], ends.min(axis=0)])
        told = (facts[0] >= before) & (facts[2] >= 0) & (facts[2] < self.nodes) & (facts[1] >= 0)
        return facts[:, told].astype(np.int32)

    def _place(self, catalogue: Catalogue, name: str) -> int:
        """Of an item or a thing that the fit knew; −1 of others."""
        code = catalogue.code(name)
        if code is not None:
            return code if code < self.items else -1
        return self._things.get(name, -1)

    @cached_property
    def _things(self) -> dict[str, int]:
        return {name: self.items + at for at, name in enumerate(unpacked(self.state["names"]))}

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        # A walk may be at any place, and there are more of those than items.
        ranking = best(self._scores, queries, n, self.ways.shape[0])
        return ranking.keep(ranking.score > 0)

    def because(self, queries: Queries, ranking: Ranking) -> Ragged:
        """By walks back from what is shown."""
        shown, place = np.unique(ranking.item, return_inverse=True)
        votes, stay = self._votes(queries), np.float32(self.settings.stay)
        last = stay * self.reach[shown].T.toarray()
        back = self._passed(last, self.ways.T.tocsr())[self.places]
        own = votes[ranking.query].tocoo()
        share = back[own.col, place[own.row]] * own.data * (own.col != ranking.item[own.row])
        return by_share(sums(own.row, own.col, share, (len(ranking), len(self.places))))

    def ties(self, items: Int32s, other: int) -> list[Tie | None]:
        return [self._tie(int(item), other) for item in items]

    def _scores(self, queries: Queries) -> Floats:
        """[queries, items] 0 where no walk comes to."""
        votes, stay = self._votes(queries), np.float32(self.settings.stay)
        start = np.zeros((self.ways.shape[0], len(queries)), np.float32)
        start[self.places] = (votes / votes.sum(axis=1)[:, None]).T.toarray()
        scores: Floats = (stay * (self.reach @ self._passed(start, self.ways))).T
        return scores

    def _passed(self, start: Floats, ways: Matrix) -> Floats:
        """[places, walks] how often a walk is at each place before its last step."""
        at = start
        total = start.copy()
        for _ in range(1, self.settings.steps):
            at = np.float32(self.settings.stay) * (ways @ at)
            total += at
        return total

    def _votes(self, queries: Queries) -> Matrix:
        settings = self.settings
        return votes_of(queries.history, settings.history, settings.recency, len(self.places))

    def _tie(self, item: int, other: int) -> Tie | None:
        """By the shortest way between them, and of equal ones that by the rarest thing."""
        mine, theirs = (self._around(int(self.places[one])) for one in (item, other))
        if self.places[other] in mine:
            link = mine[int(self.places[other])]
            return Tie("with") if link == GOES_WITH else Tie("joined", _word(link))
        shared = [thing for thing, link in mine.items() if theirs.get(thing) == link]
        if shared:
            return Tie("same", _word(mine[min(shared, key=lambda thing: self._facts_of[thing])]))
        if max(item, other) >= self.items:
            return None
        taken = unpack(self.state, self.items)[:, [item, other]]
        return Tie("with") if (np.diff(taken.indptr) == 2).any() else None

    def _around(self, place: int) -> dict[int, str]:
        """What a place has a fact with, and by which relation."""
        heads, links, tails = self.facts
        found = dict[int, str]()
        for one, two in ((heads, tails), (tails, heads)):
            for fact in np.flatnonzero(one == place):
                found[int(two[fact])] = self.relations[links[fact]]
        return found

    @cached_property
    def _facts_of(self) -> Int64s:
        """[places] how many facts each is part of."""
        return np.bincount(self.facts[[0, 2]].ravel())


def _word(relation: str) -> str:
    """
    >>> _word("music.artist.place_of_birth")
    'place of birth'
    """
    return relation.rpartition(".")[2].replace("_", " ")
