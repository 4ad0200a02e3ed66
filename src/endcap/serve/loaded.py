"""A release in memory, over the items as they are now and after what visitors did since."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from endcap.markets import in_market
from endcap.newer_catalogue import Unaware, introduced, over
from endcap.recommender import Recommender
from endcap.serve.lessons import Lesson, Models
from endcap.stages import Retriever
from endcap.store.items import Item, Word
from endcap.store.visitors import Visitors
from endcap.tables.catalogue import Catalogue
from endcap.tables.overlay import Overlay
from endcap.tables.schema import ITEMS

MARKETS = 64
"""Markets that are kept as they are seen."""


class Sees(Protocol):
    """A request that may name a market."""

    def market(self) -> str | None: ...


@dataclass(frozen=True)
class Loaded:
    """A release in memory, and what visitors did in its item codes.

    until: the moment up to which the release was fitted; what came later can still be learned.
    fitted: its retrievers as they were read.
    learned: the number of the newest live event that its models have been taught.
    said: the number of the latest change of an item that it knows of.
    """

    release: str
    recommender: Recommender
    visitors: Visitors
    until: int
    fitted: Models = field(default_factory=dict)
    learned: int = 0
    said: int = 0

    @property
    def catalogue(self) -> Overlay:
        """The items as they are now, over those of the release."""
        catalogue = self.recommender.catalogue
        return catalogue if isinstance(catalogue, Overlay) else Overlay.over(catalogue)

    def seen_by(self, asked: Sees) -> Loaded:
        """The same as the market of a request sees it; itself where none is named, or no item has
        prices by market."""
        if not self.catalogue.markets or (market := asked.market()) is None:
            return self
        if market not in self._markets:
            if len(self._markets) >= MARKETS:  # whoever asks may name what they like
                self._markets.clear()
            seen = in_market(self.recommender, market)
            self._markets[market] = replace(self, recommender=seen)
        return self._markets[market]

    @cached_property
    def _markets(self) -> dict[str, Loaded]:
        return {}

    def over(self, catalogue: Overlay, said: int) -> Loaded:
        """The same over a later state of the catalogue."""
        if catalogue is self.recommender.catalogue:
            return replace(self, said=said)
        return replace(
            self,
            recommender=over(self.recommender, catalogue),
            visitors=self.visitors.over(catalogue),
            said=said,
        )

    def stocked(self, words: Sequence[Word], said: int, first: Sequence[str] = ()) -> Loaded:
        """The same after all that was ever said of items.

        first: ids of those that are to have the first codes behind the release's own.
        """
        place = {id_: number for number, id_ in enumerate(first)}
        words = sorted(words, key=lambda word: place.get(word.item["item_id"], len(place)))
        news = _news(self.catalogue, words, place)
        return self.over(shelved(self.catalogue, news), said)

    def grown(self, limit: int) -> Loaded:
        """The same after the next live events; itself where there are none."""
        arrivals = self.visitors.live.after(self.learned, self.visitors.kinds, limit)
        if not arrivals:
            return self
        newer = [one for one in arrivals if one.seen.time >= self.until]
        lessons = self.visitors.lessons(newer)
        recommender = self.recommender.learn(*lessons)
        if len(lessons[0]):  # so that the next request finds all that is derived made
            recommender.answer(lessons[0].take(np.array([0])), 1)
        return replace(self, recommender=recommender, learned=arrivals[-1].place)

    def lesson(self) -> Lesson:
        """What its models have been taught."""
        known = {name: _known(one) for name, one in self.recommender.retrievers.items()}
        models = {
            name: one for name, one in known.items() if type(one).learn is not Retriever.learn
        }
        return Lesson(self.release, self.learned, self.catalogue.came, models)

    def taught(self, lesson: Lesson) -> Loaded:
        """The same with what another process has learned, whose items have the first of its
        codes."""
        retrievers = dict(self.recommender.retrievers)
        for name, model in lesson.models.items():
            unaware = isinstance(retrievers[name], Unaware)
            new = self.catalogue.new[0 if unaware else len(lesson.came) :]
            retrievers[name] = introduced(model, self.catalogue, new) if len(new) else model
        recommender = replace(self.recommender, retrievers=retrievers)
        return replace(self, recommender=recommender, learned=lesson.learned)


def _known(model: Retriever[Any]) -> Retriever[Any]:
    """A model without what keeps it from hearing of items that came."""
    return model.known if isinstance(model, Unaware) else model


def shelved(catalogue: Overlay, words: Sequence[Word]) -> Overlay:
    """The catalogue after what was said of items."""
    return catalogue.changed([{**item, "gone": gone is not None} for item, gone in words])


def _news(catalogue: Catalogue, words: Sequence[Word], wanted: Container[str]) -> list[Word]:
    """What the catalogue does not say already, and whatever is said of wanted items."""
    codes = catalogue.codes(item["item_id"] for item, _ in words)
    known = {row["item_id"]: row for row in catalogue.describe(codes, ITEMS.names)}

    def said(item: Item, gone: int | None) -> bool:
        there = known.get(item["item_id"])
        return there is None if gone is not None else there == item

    return [word for word in words if word.item["item_id"] in wanted or not said(*word)]
