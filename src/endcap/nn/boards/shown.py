"""What a model wants shown of it besides its curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from endcap.config import Settings
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Dataset
from endcap.types import Int64s

MOST = 3_000
"""Vectors that are shown: a browser draws no more of them with ease."""


@dataclass(frozen=True)
class Shown:
    """settings: the model's own, by their names.

    weight: the name of a table of vectors among the network's weights.
    rows: those of its rows that are shown; labels: columns with a text for each.
    """

    settings: Mapping[str, Any]
    weight: str
    rows: Int64s
    labels: Mapping[str, list[str]]

    @classmethod
    def items(cls, settings: Settings, dataset: Dataset, weight: str) -> Self:
        """The vectors of the items with the most events."""
        events = np.bincount(dataset.item, minlength=len(dataset.catalogue))
        rows = np.argsort(-events, kind="stable")[:MOST]
        labels = {**_names(dataset.catalogue, rows), "events": events[rows].astype(str).tolist()}
        return cls(settings.model_dump(), weight, rows, labels)


def _names(catalogue: Catalogue, rows: Int64s) -> dict[str, list[str]]:
    """What people know the items by, as far as the catalogue says."""
    columns = {"item_id", "title", "categories"} & set(catalogue.table.column_names)
    known = catalogue.table.select(sorted(columns)).take(rows)
    return {
        name: [_text(value) for value in known[name].to_pylist()] for name in known.schema.names
    }


def _text(value: Any) -> str:
    """In one line, and of several categories the first.

    >>> _text(["Wine > Red", "Gifts"]), _text(None), _text("two\\tlines\\n")
    ('Wine > Red', '', 'two lines')
    """
    one = (value or [None])[0] if isinstance(value, list) else value
    return "" if one is None else " ".join(str(one).split())
