"""What an item costs, and whether that is dear for what it is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from endcap import config
from endcap.content.labels import packed, unpacked
from endcap.stages import ALONE, Encoder, Run
from endcap.tables.catalogue import Catalogue
from endcap.tables.labels import levels
from endcap.types import Encoded, Floats

STEPS = 101
"""Prices that are kept of a category: the lowest, each hundredth part, the highest."""

EVERYTHING = ""
"""What stands above all categories."""


class Settings(config.Settings):
    """Which categories are judged by themselves."""

    support: int = Field(
        10,
        gt=0,
        description="items with a price that a category must have; smaller ones are judged with "
        "the category above them",
    )


class Price(Encoder[Settings]):
    """[log of the price in standard deviations from the mean, place in the category].

        place     −1: the cheapest of its category,   0: in the middle,   1: the dearest

    The category is the finest of the item's first path that has enough items. A price that is 0,
    below or no number is unknown.
    state: `scale` [mean, deviation] of the log prices; `names`, the JSON of the categories;
    `steps` [categories, 101] their log prices, ascending.
    """

    settings_type = Settings

    @classmethod
    def fit(cls, settings: Settings, catalogue: Catalogue, run: Run) -> Self:
        run.report("price: comparing", 0.5)
        prices = _log_prices(catalogue)
        groups = dict[str, list[float]]({EVERYTHING: []})
        for paths, price in zip(_paths(catalogue), prices.tolist(), strict=True):
            for path in paths if np.isfinite(price) else ():
                groups.setdefault(path, []).append(price)
        kept = {k: v for k, v in groups.items() if len(v) >= settings.support or k == EVERYTHING}
        steps = [np.quantile(v or [0.0], np.linspace(0, 1, STEPS)) for v in kept.values()]
        scale = np.mean(groups[EVERYTHING] or [0.0]), np.std(groups[EVERYTHING] or [0.0]) or 1.0
        names = packed(list(kept))
        return cls(settings, {"scale": np.array(scale), "names": names, "steps": np.stack(steps)})

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(unpacked(self.state["names"]))}

    def encode(self, catalogue: Catalogue, run: Run = ALONE) -> Encoded:
        prices = _log_prices(catalogue)
        known = np.isfinite(prices)
        group = [
            next(self._places[p] for p in paths if p in self._places) for paths in _paths(catalogue)
        ]
        mean, deviation = self.state["scale"]
        place = [
            _place(self.state["steps"][at], price) for at, price in zip(group, prices, strict=True)
        ]
        vectors = np.stack([(prices - mean) / deviation, np.array(place)], axis=1)
        return Encoded.masked(vectors.astype(np.float32), known)


def _log_prices(catalogue: Catalogue) -> NDArray[np.float64]:
    """[items] NaN where there is none."""
    column = catalogue.table["price"].to_numpy(zero_copy_only=False).astype(np.float64)
    usable = np.isfinite(column) & (column > 0)
    return np.where(usable, np.log(np.where(usable, column, 1.0)), np.nan)


def _paths(catalogue: Catalogue) -> Iterator[list[str]]:
    """For each item its category, what stands above it, and so on up to everything.

    >>> goods = Catalogue.of({"item_id": ["a", "b"], "categories": [["Home>Lamps "], None]})
    >>> list(_paths(goods))
    [['Home > Lamps', 'Home', ''], ['']]
    """
    for categories in catalogue.table["categories"].to_pylist():
        yield [*reversed(levels((categories or [None])[0])), EVERYTHING]


def _place(steps: Floats, price: float) -> float:
    """−1 to 1; among equal prices, the middle of their places.

    >>> _place(np.array([1.0, 2.0, 2.0, 3.0]), 2.0)
    0.0
    """
    below, upto = np.searchsorted(steps, price, "left"), np.searchsorted(steps, price, "right")
    return float((below + upto) / len(steps) - 1)
