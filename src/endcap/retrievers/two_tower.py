"""Two networks, one for visitors and one for items, whose vectors meet in a product.

An item is described by its categories, brand and price beside its own vector, so that one
without a single event has a place too: for catalogues that change often.
"""

from __future__ import annotations

from copy import copy
from functools import cached_property, partial
from typing import Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from endcap import config
from endcap.nn.fitting import Training, fitted, restored
from endcap.nn.losses import sampled_softmax
from endcap.nn.objective import Negatives
from endcap.nn.pairs import Pairs, pair_steps
from endcap.nn.pooling import pooled, shares
from endcap.nn.scoring import Scores, best
from endcap.nn.warming import Crowd, Warming
from endcap.stages import Retriever, Run, State, below, parted, under
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.schema import EVENT_TYPES
from endcap.types import Bools, Floats, History, Int8s, Int32s, Int64s, Queries, Ranking

BLOCK = 1 << 16
"""Items that run through their tower at once."""

WARMING, CODES, ITEMS = "warming", "codes", "items"
"""What the names of the arrays begin with that lessons change."""

TABLES = (CODES, "starts", "edges", "met")
"""What of the state is no weight."""

CROWD = "crowd"
"""What the names of the arrays of `Crowd` begin with."""

NAMES = slice(1, 4)
"""The columns of codes that are of category, department and brand."""


class Settings(Training):
    """The towers, and what they are held against."""

    dim: int = Field(64, gt=0, description="width of the vectors of visitors and items")
    hidden: int = Field(128, gt=0, description="width of the dense layer of each tower")
    temperature: float = Field(
        0.1, gt=0, description="divides the scores, which reach from -1 to 1"
    )
    prices: int = Field(10, gt=0, description="buckets of price, each with as many items")
    own_dropout: float = Field(
        0.1, ge=0, lt=1, description="share of items that are told by their attributes alone"
    )
    negatives: int = Field(1_024, gt=0, description="items drawn for a batch as not taken")
    popular: float = Field(
        0.5, ge=0, le=1, description="share of them that is drawn by number of events, not evenly"
    )
    worth: float = Field(
        15.0,
        gt=0,
        description="how many events the attributes of an item are worth that had none in "
        "training: the more, the slower it moves towards who takes it",
    )
    history: int = Field(50, gt=0, description="newest events of a visitor that count")
    recency: float = Field(0.8, gt=0, le=1, description="what each older event of them keeps")


class Towers(nn.Module):
    """past, item: vectors of an item's own and of its attributes, added up to describe it: one
    table for the items of a past, one for those that may be answered. The last row of each stands
    for whatever has none, and adds nothing.
    """

    kinds: Tensor

    def __init__(self, settings: Settings, size: int, kinds: Floats) -> None:
        """size: rows of a table without the last."""
        super().__init__()
        self.settings, dim = settings, settings.dim
        self.past, self.item = (nn.Embedding(size + 1, dim, padding_idx=size) for _ in range(2))
        self.kind = nn.Embedding(len(EVENT_TYPES), dim)
        for table in (self.past, self.item, self.kind):
            nn.init.normal_(table.weight, std=dim**-0.5)
        self.forget(np.array([size]))
        self.visitor_tower, self.item_tower = _tower(settings), _tower(settings)
        self.register_buffer("kinds", torch.from_numpy(np.array(kinds)))

    def visitors(self, past: History, codes: Int64s) -> Tensor:
        """[rows, dim] of length 1 / temperature. codes: [items, 5], see `TwoTower`."""
        share = shares(past, self.settings.recency, self.kinds)
        x = pooled(self.kind.weight, past, past.kinds, share)
        for column in codes.T:
            x = x + pooled(self.past.weight, past, column[past.items], share)
        x = x + self.visitor_tower(x)
        return functional.normalize(x) / self.settings.temperature

    def items(self, codes: Tensor) -> Tensor:
        """[n, dim] of length 1. codes: [n, 5]"""
        parts = self.item(codes)
        if self.training:
            kept = torch.rand(len(codes), 1) >= self.settings.own_dropout
            parts = torch.cat([parts[:, :1] * kept[:, :, None], parts[:, 1:]], dim=1)
        x = parts.sum(1)
        return functional.normalize(x + self.item_tower(x))

    @torch.no_grad()
    def forget(self, rows: Int64s) -> None:
        """Leave rows nothing of their own, which would be chance."""
        for table in (self.past, self.item):
            table.weight[torch.from_numpy(rows)] = 0


class TwoTower(Retriever[Settings]):
    """A tower for what visitors did (Covington et al., RecSys 2016) and one for items under a
    sampled softmax with logQ correction (Yi et al., RecSys 2019).

    The visitor's tower reads the mean of their events' vectors, of items and of types, so a
    newcomer is answered like everyone.
    state: the weights of `Towers`, by their names; `codes` [items, 5] the rows of its tables that
    hold each item's own vector and those of its category, department, brand and price; `starts`
    [6] where each of the five begins, and where they end; `edges` between buckets of prices;
    `met` [items] which had events; `crowd.NAME` the arrays of `Crowd`.
    """

    personal = "what is read of some visitors, without their ids, until the next fit"
    settings_type = Settings
    search = config.space(
        dim=config.Choice(32, 64, 128),
        temperature=config.Between(0.03, 0.3, log=True),
        own_dropout=config.Between(0.0, 0.5),
        negatives=config.Choice(256, 1_024, 4_096),
        recency=config.Between(0.5, 1.0),
        learning_rate=config.Between(1e-3, 2e-2, log=True),
        weight_decay=config.Between(1e-2, 1.0, log=True),
    )

    def __init__(self, settings: Settings, state: State) -> None:
        super().__init__(settings, state)
        own, crowd = parted(state, CROWD)
        weights = {name: one for name, one in own.items() if name not in TABLES}
        towers = Towers(settings, int(state["starts"][-1]), state["kinds"])
        self.network, self.codes = restored(towers, weights), state["codes"]
        self.items = _vectors(self.network, self.codes)
        self.heard = np.ones(len(self.codes), np.bool_)
        unmet = np.flatnonzero(~state["met"]).astype(np.int32)
        cold = unmet, self.items.numpy()[unmet], self._told(self.codes[unmet])
        self.warming = Warming.of(Crowd(**crowd), settings.worth, *cold)
        self.fitted: Self | None = None

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        torch.manual_seed(run.seed)
        edges = _edges(dataset.catalogue.price, settings.prices)
        columns = _columns(dataset.catalogue, edges)
        starts = np.r_[0, np.cumsum(columns.max(axis=0) + 1)]
        codes = _codes(columns, starts)
        network = Towers(settings, int(starts[-1]), dataset.kind_weights)
        count = np.bincount(dataset.item, minlength=len(codes))
        network.forget(np.flatnonzero(count == 0))
        negatives = Negatives(count, settings.negatives, settings.popular)
        loss = partial(_loss, network, codes, negatives)
        lessons = loss, dataset, dataset.weight
        steps = partial(pair_steps, *lessons, settings.history, settings.batch, run.seed)
        scorer = partial(_scorer, codes)
        changed, weights = fitted(network, settings, steps, scorer, judge, run, "two towers")
        network = restored(network, weights)
        read = partial(_visitors, network, codes)
        known = _vectors(network, codes[count > 0])
        crowd = vars(Crowd.of(dataset, settings.history, read, known, run.seed))
        tables = dict(zip(TABLES, (codes, starts, edges, count > 0), strict=True))
        return cls(changed, {**weights, **tables, **under(CROWD, crowd)})

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        scores = partial(_scores, self.network, self.codes, self.items)
        return best(scores, queries.allow(self.heard), n)

    def adopt(self, catalogue: Catalogue, new: Int32s) -> Self:
        """New items stand where their category, department, brand and price put them; one of
        which the towers know neither of the first three is not proposed before somebody has taken
        it."""
        columns = _columns(catalogue, self.state["edges"])[new]
        codes = _codes(columns, self.state["starts"])
        said = _vectors(self.network, codes).numpy()
        warming = self.warming.joined(new, said, self._told(codes))
        return self._with(warming, np.concatenate([self.codes, codes]))

    def learn(self, queries: Queries, items: Int32s, kinds: Int8s) -> Self:
        """Items that had no event in training move to who takes them; see `Warming`."""
        weight = self.state["kinds"][kinds]
        return self._with(self.warming.taught(queries, items, weight, self._read), self.codes)

    def _read(self, queries: Queries) -> Floats:
        """[queries, dim] what is read of visitors."""
        return _visitors(self.network, self.codes, queries)

    def _told(self, codes: Int64s) -> Bools:
        """[items] which have a category, department or brand that the towers know."""
        return np.asarray(self._known[codes[:, NAMES]].any(axis=1))

    def _with(self, warming: Warming, codes: Int64s) -> Self:
        """The fitted towers with items without events where they stand now."""
        if warming is self.warming:
            return self
        fitted = self.fitted or self
        return fitted._grown(warming, codes, warming.over(fitted.items))

    def _grown(self, warming: Warming, codes: Int64s, items: Tensor) -> Self:
        """The fitted towers with all items where they stand now. items: [items, dim]"""
        grown = copy(self)
        grown.fitted, grown.warming = self, warming
        grown.codes, grown.items = codes, items
        grown.heard = warming.heard(len(self.items))
        return grown

    @property
    def arrays(self) -> State:
        """What was learned, and where all items stand now: the rest is the fitted model's."""
        if self.fitted is None:
            return {}
        own = under(WARMING, self.warming.arrays)
        return {**own, CODES: self.codes, ITEMS: self.items.numpy()}

    def taught(self, arrays: State) -> Self:
        if not arrays:
            return self
        warming = self.warming.told_by(below(arrays, WARMING))
        return self._grown(warming, np.asarray(arrays[CODES]), torch.from_numpy(arrays[ITEMS]))

    @cached_property
    def _known(self) -> Bools:
        """[rows of a table] which stand for a name that an item with events has."""
        codes, starts = self.state["codes"], self.state["starts"]
        known = np.zeros(starts[-1] + 1, np.bool_)
        known[codes[self.state["met"]]] = True
        known[starts] = False  # that something has no name, or one that is new, tells nothing
        return known


def _tower(settings: Settings) -> nn.Module:
    return nn.Sequential(
        nn.Linear(settings.dim, settings.hidden),
        nn.ReLU(),
        nn.Linear(settings.hidden, settings.dim),
    )


def _edges(price: Floats, buckets: int) -> Floats:
    """[buckets - 1] the prices between buckets that hold as many items each; none without any."""
    known = price[np.isfinite(price)]
    edges = np.quantile(known, np.arange(1, buckets) / buckets) if len(known) else known
    return np.asarray(edges, np.float32)


def _columns(catalogue: Catalogue, edges: Floats) -> Int64s:
    """[items, 5] the codes of each item, of its category, department, brand and bucket of price;
    0 for none of these."""
    price = catalogue.price
    bucket = np.where(np.isfinite(price), 1 + np.searchsorted(edges, price, side="right"), 0)
    own = np.arange(len(catalogue))
    columns = (own, catalogue.category, catalogue.department, catalogue.brand, bucket)
    return np.stack(columns, axis=1).astype(np.int64)


def _codes(columns: Int64s, starts: Int64s) -> Int64s:
    """[items, 5] the rows of one table, the last for what has none."""
    codes: Int64s = np.where(columns < np.diff(starts), columns + starts[:-1], starts[-1])
    return codes


@torch.no_grad()
def _vectors(network: Towers, codes: Int64s) -> Tensor:
    """[items, dim]"""
    blocks = torch.from_numpy(codes).split(BLOCK)  # type: ignore[no-untyped-call]
    return torch.cat([network.items(block) for block in blocks])


def _scorer(codes: Int64s, network: Towers) -> Scores:
    return partial(_scores, network, codes, _vectors(network, codes))


@torch.no_grad()
def _visitors(network: Towers, codes: Int64s, queries: Queries) -> Floats:
    """[queries, dim]"""
    past = queries.history.last(network.settings.history)
    return np.asarray(network.visitors(past, codes).numpy())


def _scores(network: Towers, codes: Int64s, items: Tensor, queries: Queries) -> Floats:
    """[queries, items]"""
    return np.asarray(_visitors(network, codes, queries) @ items.numpy().T)


def _loss(network: Towers, codes: Int64s, negatives: Negatives, pairs: Pairs) -> Tensor:
    """Only the items of the batch run through their tower, each once."""
    both = torch.cat([pairs.items, negatives.draw()])
    items, places = torch.unique(both, return_inverse=True)
    target, drawn = places[: len(pairs.items)], places[len(pairs.items) :]
    return sampled_softmax(
        network.visitors(pairs.past, codes),
        network.items(torch.from_numpy(codes[items.numpy()])),
        target,
        drawn,
        negatives.log_q[items],
        pairs.weight,
    )
