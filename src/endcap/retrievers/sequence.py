"""A network that reads the visitor's events in their order and says what comes next.

The user is their events: there are no weights of users, so a new visitor has an answer after
one event, and each further event changes it.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from endcap import config
from endcap.content import voices
from endcap.content.standing import Standing
from endcap.content.voices import CONTENT, Voices
from endcap.errors import ConfigError
from endcap.nn import networks, objective
from endcap.nn.fitting import restored
from endcap.nn.going_on import grown
from endcap.nn.index import Index
from endcap.nn.leaving import moved
from endcap.nn.nearest import Nearest
from endcap.nn.next_event import Learning, learned
from endcap.nn.reader import Reader
from endcap.nn.scoring import found
from endcap.nn.warming import Crowd, Warming
from endcap.stages import Earlier, Retriever, Run
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Asked, Dataset
from endcap.types import Bools, Floats, Int8s, Int32s, Moved, Queries, Ranking
from endcap.types.state import State, below, under

NETWORK, STANDING, CROWD = "network", "standing", "crowd"
"""What the names in the state begin with."""

WARMING, NEAREST = "warming", "nearest"
"""What those of the arrays begin with that lessons change."""


class Settings(Learning):
    """The network and its training, and what is said of items that have no events."""

    content: dict[str, dict[str, Any]] = Field(
        {},
        description="encoders by names of your own, each a class path and its settings, whose "
        "vectors are added to the items' own",
    )
    needs_content: bool = Field(
        False, description="whether it answers nothing where encoders know nothing of any item"
    )
    standing: float = Field(
        0.0,
        ge=0,
        description="how long the vector of an item without events is, in means of those with, "
        "which its words, category and brand then guess; 0 leaves it to the encoders",
    )
    index_from: int = Field(
        300_000,
        ge=1_000,
        description="items from which on an index finds those that may be the best, if faiss is "
        "installed; fewer are all gone through",
    )
    worth: float = Field(
        15.0,
        gt=0,
        description="how many events the content of an item is worth that had none in training: "
        "the more, the slower it moves towards who takes it",
    )


class Sequence(Retriever[Settings]):
    """state: `network.NAME` its weights; what `Voices` keeps; `standing.NAME` the arrays of
    `Standing`, with the `items` that have no events and their `vectors`; `kinds` [event types] how
    much each says, 1 at most, and `crowd.NAME` the arrays of `Crowd`. Nothing where it needs
    content and there is none."""

    personal = "what is read of some visitors, without their ids, until the next fit"
    settings_type = Settings
    search = config.space(
        dim=config.Choice(32, 64, 128),
        length=config.Choice(20, 50, 100),
        gap=config.Choice(False, True),
        ahead=config.Choice(0.0, 0.2, 0.3, 0.4),
        embedding_dropout=config.Between(0.0, 0.6),
        learning_rate=config.Between(5e-4, 1e-2, log=True),
        weight_decay=config.Between(1e-3, 0.3, log=True),
        average=config.Choice(0.98, 0.99, 0.995, 0.998),
    )

    def __init__(self, settings: Settings, state: State) -> None:
        super().__init__(settings, state)
        self.network = _restored(settings, state) if state else None
        self.vectors = _settled(self.network) if self.network else torch.zeros(0, 1)
        guessed = below(state, STANDING)
        self.standing = Standing(guessed) if guessed else None
        if guessed:
            self.vectors = self.vectors.clone()
            self.vectors[guessed["items"]] = torch.from_numpy(np.array(guessed["vectors"]))
        index = Index.of(self.vectors.numpy()) if len(self.vectors) >= settings.index_from else None
        self.nearest = Nearest(self.vectors, index)
        self.heard = np.ones(len(self.vectors), np.bool_)
        self.warming = self._cold(guessed.get("items", np.zeros(0, np.int32)))
        self.fitted: Self | None = None

    @classmethod
    def check(cls, settings: Settings, key: str) -> None:
        networks.build(settings.network, settings.dim, f"{key}.network")
        voices.resolved(settings.content, f"{key}.content")
        loss, share = settings.loss, settings.label_smoothing
        asked = share not in (0, Settings.model_fields["label_smoothing"].default)
        if asked and loss not in objective.SOFTMAX:
            raise ConfigError(
                f"{key}: label_smoothing = {share} with loss = {loss!r}",
                expected="0, or the loss auto, full_softmax or sampled_softmax",
            )

    @classmethod
    def parts(cls, settings: Settings) -> dict[str, tuple[type[Any], config.Settings]]:
        return {"network": networks.resolved(settings.network, "network")}

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        torch.manual_seed(run.seed)
        told = _told(settings, dataset.catalogue, run)
        if settings.needs_content and not told.encoders:
            return cls(settings, {})
        network = Reader(settings, _met(dataset), told.vectors)
        if run.earlier is not None:
            _go_on(network, run.earlier)
        chosen, epochs = learned(network, settings, dataset, judge, run)
        weights = {name: tensor.numpy() for name, tensor in chosen.state_dict().items()}
        crowd = vars(_crowd(chosen.eval(), dataset, run.seed))
        state = {
            **under(NETWORK, weights),
            **told.state,
            **under(CROWD, crowd),
            "kinds": dataset.kind_weights / dataset.kind_weights.max(initial=1e-9),
        }
        model = cls(settings.model_copy(update={"epochs": epochs}), state)
        return model.guessing(dataset) if settings.standing and len(dataset) else model

    def guessing(self, dataset: Dataset) -> Self:
        """The same network with items that have no events where `Standing` guesses them."""
        events = np.bincount(dataset.item, minlength=len(self.vectors))
        items, unmet = dataset.catalogue.table, np.flatnonzero(events == 0)
        learned = self.vectors.numpy()
        standing = Standing.fit(items, learned, events, self.settings.standing)
        guess, placed = standing(items.take(unmet))
        own = {**standing.state, "items": unmet[placed], "vectors": guess[placed]}
        return type(self)(self.settings, {**self.state, **under(STANDING, own)})

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        if self.network is None:
            return Ranking.concat([])
        return found(partial(self._best, self.network), queries.allow(self.heard), n)

    def _best(self, network: Reader, queries: Queries, n: int) -> Ranking:
        return self.nearest.best(network.read(self.vectors, queries), queries, n)

    def moved(self, queries: Queries, ranking: Ranking) -> Moved | None:
        if self.network is None:
            return None
        read = partial(self.network.read, self.vectors)
        return moved(read, self.vectors, queries, ranking, self.settings.length)

    def adopt(self, catalogue: Catalogue, new: Int32s) -> Self | None:
        """New items stand where their content puts them; one that says nothing is not proposed
        before somebody has taken it."""
        if self.network is None:
            return None
        said, told = self._said(self.network, catalogue.some(new))
        return self._with(self.warming.joined(new, said, told))

    def learn(self, queries: Queries, items: Int32s, kinds: Int8s) -> Self:
        """Items that had no event in training move to who takes them; see `Warming`."""
        if self.network is None or "kinds" not in self.state:  # it was fitted when there were none
            return self
        read = partial(self._read, self.network)
        return self._with(self.warming.taught(queries, items, self.state["kinds"][kinds], read))

    def _cold(self, placed: Int32s) -> Warming:
        """Items without events before any came. placed: those that `Standing` guesses."""
        crowd = below(self.state, CROWD)  # a release may be older than that
        unmet = np.zeros(len(self.vectors), np.bool_)
        told = unmet.copy()
        told[placed] = True
        if self.network is not None:
            unmet = ~self.network.item.own.numpy()
            told |= unmet & (self.network.item.told is not None)
        items = np.flatnonzero(unmet | told).astype(np.int32)
        said = self.vectors.numpy()[items]
        there = Crowd(**crowd) if crowd else Crowd.nobody()
        return Warming.of(there, self.settings.worth, items, said, told[items])

    def _said(self, network: Reader, goods: Catalogue) -> tuple[Floats, Bools]:
        """[items, dim] where content puts further items, and of which it says anything."""
        vectors = np.zeros((len(goods), self.settings.dim), np.float32)
        said, known = Voices.of(self.settings.content, self.state).say(goods)
        vectors = network.item.content.of(said).numpy() if said else vectors
        if self.standing is not None:
            guess, placed = self.standing(goods.table)
            vectors, known = np.where(placed[:, None], guess, vectors), known | placed
        return vectors, known

    def _read(self, network: Reader, queries: Queries) -> Floats:
        """[queries, dim] what is read of visitors. Items stand where they stood before any event
        came, so that it is the same in whatever order events are learned."""
        fitted, warming, history = self.fitted or self, self.warming, queries.history
        codes, items = np.unique(history.items, return_inverse=True)
        new = codes >= len(fitted.vectors)
        vectors = torch.zeros(len(codes), self.settings.dim)
        vectors[torch.from_numpy(~new)] = fitted.vectors[torch.from_numpy(codes[~new])]
        said = warming.said[np.searchsorted(warming.items, codes[new])]
        vectors[torch.from_numpy(new)] = torch.from_numpy(said)
        history = replace(history, items=items.astype(np.int32))
        read: Floats = network.read(vectors, replace(queries, history=history)).numpy()
        return read

    def _with(self, warming: Warming) -> Self:
        """The fitted network with items without events where they stand now."""
        if warming is self.warming:
            return self
        fitted = self.fitted or self
        rows = torch.from_numpy(warming.items)
        nearest = fitted.nearest.changed(warming.over(fitted.vectors), rows)
        return fitted._grown(warming, nearest)

    def _grown(self, warming: Warming, nearest: Nearest) -> Self:
        """The fitted network with all items where they stand now."""
        grown = copy(self)
        grown.fitted, grown.warming, grown.nearest = self, warming, nearest
        grown.vectors, grown.heard = nearest.vectors, warming.heard(len(self.vectors))
        return grown

    @property
    def arrays(self) -> State:
        """What was learned, and where all items stand now: the rest is the fitted model's."""
        if self.fitted is None:
            return {}
        return {**under(WARMING, self.warming.arrays), **under(NEAREST, self.nearest.arrays)}

    def taught(self, arrays: State) -> Self:
        if not arrays:
            return self
        warming = self.warming.told_by(below(arrays, WARMING))
        nearest = Nearest.of(below(arrays, NEAREST), self.nearest.index)
        return self._grown(warming, nearest)


def _restored(settings: Settings, state: State) -> Reader:
    weights = below(state, NETWORK)
    return restored(Reader(settings, weights["item.own"], below(state, CONTENT)), weights)


@torch.no_grad()
def _settled(network: Reader) -> Tensor:
    """[items, dim] where items stand once nothing is learned any more."""
    vectors: Tensor = network.item()
    return vectors.detach()


def _told(settings: Settings, catalogue: Catalogue, run: Run) -> Voices:
    """What encoders say of the items. Those of an earlier fit say it, as its network knows them."""
    if run.earlier is None:
        return Voices.fit(settings.content, catalogue, run)
    return Voices.of(settings.content, run.earlier.state).over(catalogue, run)


def _met(dataset: Dataset) -> Bools:
    """[items] which have an event."""
    return np.bincount(dataset.item, minlength=len(dataset.catalogue)) > 0


def _go_on(network: Reader, earlier: Earlier) -> None:
    """Take over what an earlier network knows, but for which items have events."""
    known = replace(earlier, state=below(earlier.state, NETWORK))
    network.load_state_dict({**grown(known, "item.weight"), "item.own": network.item.own})


@torch.no_grad()
def _crowd(network: Reader, dataset: Dataset, seed: int) -> Crowd:
    vectors = network.item()
    met = vectors[torch.from_numpy(_met(dataset))]

    def read(queries: Queries) -> Floats:
        return np.asarray(network.read(vectors, queries).numpy())

    return Crowd.of(dataset, network.settings.length, read, met, seed)
