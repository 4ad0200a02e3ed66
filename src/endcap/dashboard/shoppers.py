"""The shoppers of the page: who there is, and what they did, day by day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from endcap.store.visitors import Visitors
from endcap.tables.dataset import Dataset
from endcap.tables.schema import EVENT_TYPES
from endcap.types import DAY, Bools, History, Int64s, distinct

SHOWN = ("item_id", "title", "categories", "brand")

PEOPLE, DAYS, ITEMS = 40, 20, 60
"""How many shoppers, days of a shopper and items of a day are listed."""


@dataclass(frozen=True)
class Shoppers:
    """What the page shows of the visitors of a shop."""

    visitors: Visitors

    def find(self, search: str) -> list[dict[str, Any]]:
        """Shoppers whose id holds the text; without a text some, the busiest first."""
        dataset = self.visitors.dataset
        if dataset is None:
            return []
        return [
            {"id": dataset.users[code], "purchases": int(self._taken[code])}
            for code in (self._like(dataset, search) if search else self._some)
        ]

    def past(self, key: str) -> dict[str, Any]:
        """The newest days of a shopper, newest first, each with its items."""
        history = self.visitors.history(key)
        days = history.times // DAY
        newest = distinct(days)[::-1][:DAYS]
        return {
            "id": key,
            "events": len(history.items),
            "days": [
                {
                    "date": str(np.datetime64(int(day), "D")),
                    "items": list(self._items(history, days == day)),
                }
                for day in newest
            ],
        }

    def _items(self, history: History, day: Bools) -> Iterator[dict[str, Any]]:
        """The items of a day, the newest first: what was done with each, and how often."""
        pairs = np.stack([history.items[day], history.kinds[day]], axis=1)[::-1]
        pairs, first, times = np.unique(pairs, axis=0, return_index=True, return_counts=True)
        order = np.argsort(first)[:ITEMS]
        rows = self.visitors.catalogue.describe(pairs[order, 0].tolist(), SHOWN)
        for row, (_, kind), count in zip(rows, pairs[order], times[order], strict=True):
            yield row | {"did": EVENT_TYPES[kind], "times": int(count)}

    def _like(self, dataset: Dataset, search: str) -> list[int]:
        text = search.strip().casefold()
        found = [code for code, id_ in enumerate(dataset.users) if code and text in id_.casefold()]
        return sorted(found, key=lambda code: (len(dataset.users[code]), code))[:PEOPLE]

    @cached_property
    def _taken(self) -> Int64s:
        """[users] how often each took something."""
        dataset = self.visitors.dataset
        if dataset is None:
            return np.zeros(1, np.int64)
        aim = np.isin(dataset.kind, dataset.meaning.targets)
        return np.bincount(dataset.user[aim], minlength=len(dataset.users))

    @cached_property
    def _some(self) -> list[int]:
        """Codes of shoppers, evenly from the busiest to the least busy."""
        order = np.argsort(-self._taken, kind="stable")
        order = order[self._taken[order] > 0]
        places = np.unique(np.linspace(0, max(0, len(order) - 1), PEOPLE).astype(int))
        return order[places].tolist() if len(order) else []
