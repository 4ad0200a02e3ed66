"""Places that the shop gives away: to an item, or to the best of some items."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from endcap import config
from endcap.class_paths import check_filter
from endcap.config import beginning, valid
from endcap.stages import Rule, Run
from endcap.tables.catalogue import NEVER, Catalogue
from endcap.types import DAY, Bools, Int32s, Int64s, Queries, Ragged, Ranking

Day = Annotated[str, valid(lambda text: text and date.fromisoformat(text))]


class Pin(config.Settings):
    """A place of a list, and what stands there."""

    place: int = Field(ge=1, le=100, description="counted from 1")
    item: str = Field("", description="the item that stands there; or else a filter")
    filter: str = Field("", description="the best item that meets it, and is not above, does")
    since: Day = Field("", description="the first day, in UTC; empty for ever since")
    until: Day = Field("", description="the last day; empty for ever")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.item) == bool(self.filter):
            raise ValueError("a pin needs an item or a filter, and not both")
        return self


class Settings(config.Settings):
    """All of them."""

    pins: tuple[Pin, ...] = Field(
        (),
        description="places and what stands there: `place`, `item` or `filter`, and the days "
        "`since` and `until`",
    )


class Pins(Rule[Settings]):
    """An item that is pinned is shown whether or not anything proposes it, but only to those to
    whom it may be shown. A filter takes from what is proposed.

    state: for each pin in the order of places, `place`, `item` (its code, −1 where the pin has a
    filter or the item is unknown), `since` and `until` in microseconds, and `meets` [pins, items]
    bool, what it may be filled with.
    """

    settings_type = Settings

    @classmethod
    def check(cls, settings: Settings, key: str) -> None:
        for pin in settings.pins:
            check_filter(pin.filter, f"{key}.pins.filter")

    @classmethod
    def fit(cls, settings: Settings, catalogue: Catalogue, run: Run) -> Self:
        pins = sorted(settings.pins, key=lambda pin: pin.place)
        codes = [catalogue.code(pin.item) if pin.item else None for pin in pins]
        state: dict[str, NDArray[Any]] = {
            "place": np.array([pin.place for pin in pins], np.int32),
            "item": np.array([-1 if code is None else code for code in codes], np.int32),
            "since": np.array([beginning(pin.since) if pin.since else 0 for pin in pins], np.int64),
            "until": np.array(
                [beginning(pin.until) + DAY if pin.until else NEVER for pin in pins], np.int64
            ),
            "meets": np.array([_meets(catalogue, pin) for pin in pins], np.bool_).reshape(
                len(pins), len(catalogue)
            ),
        }
        return cls(settings, state)

    def wants(self, queries: Queries) -> Ragged:
        items = self.state["item"]
        return Ragged.of([items[self._now(at) & (items >= 0)].tolist() for at in queries.times])

    def apply(self, queries: Queries, ranking: Ranking) -> Ranking:
        if ranking.propensity is not None:
            held = ranking.hits(self.wants(queries))
            ranking = replace(ranking, propensity=np.where(held, 1, ranking.propensity))
        return ranking.rearranged(
            lambda query, listed: self._arranged(listed.item, self._now(queries.times[query]))
        )

    def _now(self, moment: np.int64) -> Bools:
        """[pins] whether each holds at a moment."""
        held = (self.state["since"] <= moment) & (moment < self.state["until"])
        return np.asarray(held, np.bool_)

    def _arranged(self, items: Int32s, now: Bools) -> Int64s:
        """The rows of a list in their new order."""
        own = {int(item): row for row, item in enumerate(items)}
        held = {own[code] for code in self.state["item"][now].tolist() if code in own}
        waiting = deque(row for row in range(len(items)) if row not in held)
        order: list[int] = []
        for pin in np.flatnonzero(now):
            while waiting and len(order) + 1 < self.state["place"][pin]:
                order.append(waiting.popleft())
            row = own.get(int(self.state["item"][pin]), self._best(pin, items, waiting))
            if row is not None and row not in order:
                order.append(row)
                with suppress(ValueError):
                    waiting.remove(row)
        return np.array([*order, *waiting], np.int64)

    def _best(self, pin: np.int64, items: Int32s, waiting: Iterable[int]) -> int | None:
        """The first row of those that wait that a pin may be filled with."""
        meets = self.state["meets"][pin]
        return next((row for row in waiting if meets[items[row]]), None)


def _meets(catalogue: Catalogue, pin: Pin) -> Bools:
    return catalogue.meets(pin.filter) if pin.filter else np.zeros(len(catalogue), np.bool_)
