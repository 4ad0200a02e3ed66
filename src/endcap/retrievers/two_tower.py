"""Two networks, one for visitors and one for items, whose vectors meet in a product.

An item is described by its categories, brand, price and content beside its own vector, so that
one without a single event has a place too: for catalogues that change often.
"""

from __future__ import annotations

from copy import copy
from functools import cached_property, partial
from typing import Any, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from endcap import config
from endcap.content import voices
from endcap.content.voices import CONTENT, ENCODER, Voices
from endcap.nn.fitting import fitted, restored
from endcap.nn.losses import sampled_softmax
from endcap.nn.objective import Negatives
from endcap.nn.pairs import Pairs
from endcap.nn.scoring import Scores, best
from endcap.nn.towers import ItemFeatures, Shape, Towers
from endcap.nn.warming import Crowd, Warming
from endcap.stages import Retriever, Run
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Asked, Dataset
from endcap.types import Bools, Floats, Int8s, Int32s, Int64s, Queries, Ranking
from endcap.types.state import State, below, parted, under

WARMING, CODES, SAID, ITEMS = "warming", "codes", "said", "items"
"""What the names of the arrays begin with that lessons change."""

TABLES = (CODES, "starts", "edges", "met")
"""What of the state is no weight."""

CROWD = "crowd"
"""What the names of the arrays of `Crowd` begin with."""

NAMES = slice(1, 4)
"""The columns of codes that are of category, department and brand."""


class Settings(Shape):
    """The towers, what they hear, and what they are held against."""

    content: dict[str, dict[str, Any]] = Field(
        {},
        description="encoders by names of your own, each a class path and its settings, whose "
        "vectors are added to the items' own",
    )
    prices: int = Field(10, gt=0, description="buckets of price, each with as many items")
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


class TwoTower(Retriever[Settings]):
    """A tower for what visitors did (Covington et al., RecSys 2016) and one for items under a
    sampled softmax with logQ correction (Yi et al., RecSys 2019).

    The visitor's tower reads the mean of their events' vectors, of items and of types, so a
    newcomer is answered like everyone.
    state: the weights of `Towers`, by their names; `codes` [items, 5] the rows of its tables that
    hold each item's own vector and those of its category, department, brand and price; `starts`
    [6] where each of the five begins, and where they end; `edges` between buckets of prices;
    `met` [items] which had events; what `Voices` and, as `crowd.NAME`, `Crowd` keep.
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
        own, content = parted(own, CONTENT)
        own, _ = parted(own, ENCODER)
        weights = {name: one for name, one in own.items() if name not in TABLES}
        towers = Towers(settings, int(state["starts"][-1]), state["kinds"], content)
        self.network = restored(towers, weights)
        self.features = self.network.features(state["codes"])
        self.items = self.network.vectors(self.features)
        self.heard = np.ones(len(self.items), np.bool_)
        unmet = np.flatnonzero(~state["met"]).astype(np.int32)
        told = self._named(self.features.codes)
        if (heard := self.network.fused.told) is not None:
            told |= heard.numpy()
        cold = unmet, self.items.numpy()[unmet], told[unmet]
        self.warming = Warming.of(Crowd(**crowd), settings.worth, *cold)
        self.fitted: Self | None = None

    @classmethod
    def check(cls, settings: Settings, key: str) -> None:
        voices.resolved(settings.content, f"{key}.content")

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        torch.manual_seed(run.seed)
        edges = _edges(dataset.catalogue.price, settings.prices)
        columns = _columns(dataset.catalogue, edges)
        starts = np.r_[0, np.cumsum(columns.max(axis=0) + 1)]
        codes = _codes(columns, starts)
        told = Voices.fit(settings.content, dataset.catalogue, run)
        network = Towers(settings, int(starts[-1]), dataset.kind_weights, told.vectors)
        count = np.bincount(dataset.item, minlength=len(codes))
        network.forget(np.flatnonzero(count == 0))
        heard = network.fused.told
        held = None if heard is None else (count > 0) | ~heard.numpy()  # see `fusion.Items.held`
        negatives = Negatives(count, settings.negatives, settings.popular, held)
        loss = partial(_loss, network, codes, negatives)
        lessons = loss, dataset, dataset.weight
        scorer = partial(_scorer, codes)
        changed, weights = fitted(network, settings, lessons, scorer, judge, run, "two towers")
        network = restored(network, weights)
        features = network.features(codes)
        known = network.vectors(features)[torch.from_numpy(count > 0)]
        crowd = Crowd.of(
            dataset, settings.history, partial(network.read, features), known, run.seed
        )
        tables = dict(zip(TABLES, (codes, starts, edges, count > 0), strict=True))
        return cls(changed, {**weights, **tables, **told.state, **under(CROWD, vars(crowd))})

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        scores = partial(_scores, self.network, self.features, self.items)
        return best(scores, queries.allow(self.heard), n, len(self.heard))

    def adopt(self, catalogue: Catalogue, new: Int32s) -> Self:
        """New items stand where their category, department, brand, price and content put them; one
        of which the towers know none of the first three and no content is not proposed before
        somebody has taken it."""
        columns = _columns(catalogue, self.state["edges"])[new]
        codes = _codes(columns, self.state["starts"])
        said, told = Voices.of(self.settings.content, self.state).say(catalogue.some(new))
        features = ItemFeatures(codes, self.network.fused.of(said) if said else None)
        vectors = self.network.vectors(features).numpy()
        warming = self.warming.joined(new, vectors, self._named(codes) | told)
        return self._with(warming, self.features.joined(features))

    def learn(self, queries: Queries, items: Int32s, kinds: Int8s) -> Self:
        """Items that had no event in training move to who takes them; see `Warming`."""
        weight = self.state["kinds"][kinds]
        read = partial(self.network.read, self.features)
        return self._with(self.warming.taught(queries, items, weight, read), self.features)

    def _named(self, codes: Int64s) -> Bools:
        """[items] which have a category, department or brand that the towers know."""
        return np.asarray(self._known[codes[:, NAMES]].any(axis=1))

    def _with(self, warming: Warming, features: ItemFeatures) -> Self:
        """The fitted towers with items without events where they stand now."""
        if warming is self.warming:
            return self
        fitted = self.fitted or self
        return fitted._grown(warming, features, warming.over(fitted.items))

    def _grown(self, warming: Warming, features: ItemFeatures, items: Tensor) -> Self:
        """The fitted towers with all items where they stand now. items: [items, dim]"""
        grown = copy(self)
        grown.fitted, grown.warming = self, warming
        grown.features, grown.items = features, items
        grown.heard = warming.heard(len(self.items))
        return grown

    @property
    def arrays(self) -> State:
        """What was learned, and where all items stand now: the rest is the fitted model's."""
        if self.fitted is None:
            return {}
        said = {} if self.features.said is None else {SAID: self.features.said.numpy()}
        own = {CODES: self.features.codes, **said, ITEMS: self.items.numpy()}
        return {**own, **under(WARMING, self.warming.arrays)}

    def taught(self, arrays: State) -> Self:
        if not arrays:
            return self
        warming = self.warming.told_by(below(arrays, WARMING))
        said = torch.from_numpy(arrays[SAID]) if SAID in arrays else None
        features = ItemFeatures(np.asarray(arrays[CODES]), said)
        return self._grown(warming, features, torch.from_numpy(arrays[ITEMS]))

    @cached_property
    def _known(self) -> Bools:
        """[rows of a table] which stand for a name that an item with events has."""
        codes, starts = self.state["codes"], self.state["starts"]
        known = np.zeros(starts[-1] + 1, np.bool_)
        known[codes[self.state["met"]]] = True
        known[starts] = False  # that something has no name, or one that is new, tells nothing
        return known


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


def _scorer(codes: Int64s, network: Towers) -> Scores:
    features = network.features(codes)
    return partial(_scores, network, features, network.vectors(features))


def _scores(network: Towers, features: ItemFeatures, items: Tensor, queries: Queries) -> Floats:
    """[queries, items]"""
    return np.asarray(network.read(features, queries) @ items.numpy().T)


def _loss(network: Towers, codes: Int64s, negatives: Negatives, pairs: Pairs) -> Tensor:
    """Only the items of the batch run through their tower, each once."""
    both = torch.cat([pairs.items, negatives.draw()])
    items, places = torch.unique(both, return_inverse=True)
    target, drawn = places[: len(pairs.items)], places[len(pairs.items) :]
    return sampled_softmax(
        network.visitors(pairs.past, ItemFeatures(codes)),
        network.items(torch.from_numpy(codes[items.numpy()]), network.said(items)),
        target,
        drawn,
        negatives.log_q[items],
        pairs.weight,
    )
