"""What a catalogue states of items: brand, categories, colour, weight."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from pydantic import Field

from endcap import config
from endcap.content.labels import packed, unpacked
from endcap.stages import ALONE, Encoder, Run
from endcap.tables.catalogue import Catalogue, each
from endcap.tables.context import object_of
from endcap.tables.labels import levels
from endcap.types import Encoded, Floats

LARGEST = 1e100
"""Numbers beyond it are none that a shop states, and their squares would have no end."""

Stated: TypeAlias = tuple[dict[str, list[str]], dict[str, float]]
"""Of an item: by the names of the columns, the labels, and the numbers."""


class Settings(config.Settings):
    """What is read, and how many labels it knows."""

    fields: tuple[
        Literal["categories", "brand", "tags", "availability", "currency", "attributes"], ...
    ] = Field(
        ("categories", "brand", "tags", "attributes"),
        min_length=1,
        description="columns of the catalogue that are read; of `attributes`, each by its name",
    )
    labels: int = Field(200, gt=0, description="labels of a column that are known, the commonest")
    support: int = Field(2, gt=0, description="items that must have a label, or state a number")
    columns: int = Field(100, gt=0, description="columns that are known, the commonest")


class Attributes(Encoder[Settings]):
    """A place for each label, and for each number how far it is from the mean.

        colour: red, blue   weight          [ colour?  red  blue  green  weight?  weight ]
        red and blue        unknown     →   [    1     .7    .7     0       0        0   ]

    Labels of a column have length 1 together, however many an item has. A column that an item
    does not state is 0 throughout, and the place before it says so. A category counts with all
    above it. Numbers are in standard deviations, and ten of them at most.
    state: `labels`, the JSON of each column's labels; `numbers`, of the columns that hold
    numbers; `mean`, `deviation` [numbers].
    """

    settings_type = Settings
    search = config.space(labels=config.Choice(50, 200, 1_000))

    @classmethod
    def fit(cls, settings: Settings, catalogue: Catalogue, run: Run) -> Self:
        run.report("attributes: counting labels", 0.5)
        counts, numbers = _counted(settings, catalogue)
        often = Counter({name: values.total() for name, values in counts.items()})
        labels = {
            name: [
                label for label, n in _commonest(counts[name], settings.labels, settings.support)
            ]
            for name, _ in _commonest(often, settings.columns, settings.support)
        }
        stated = Counter({name: len(values) for name, values in numbers.items()})
        kept = [name for name, _ in _commonest(stated, settings.columns, settings.support)]
        spread = np.array([_spread(numbers[name]) for name in kept], np.float64).reshape(-1, 2)
        state = {"labels": packed({name: own for name, own in labels.items() if own})}
        state["numbers"] = packed(kept)
        return cls(settings, {**state, "mean": spread[:, 0], "deviation": spread[:, 1]})

    @cached_property
    def _places(self) -> tuple[dict[str, int], dict[tuple[str, str], int], dict[str, int], int]:
        """Where each column, each label and each number stands, and how many places there are."""
        columns, labels, at = dict[str, int](), dict[tuple[str, str], int](), 0
        for name, own in unpacked(self.state["labels"]).items():
            columns[name] = at
            labels.update({(name, label): at + 1 + place for place, label in enumerate(own)})
            at += 1 + len(own)
        numbers = {name: at + 2 * n for n, name in enumerate(unpacked(self.state["numbers"]))}
        return columns, labels, numbers, at + 2 * len(numbers)

    def encode(self, catalogue: Catalogue, run: Run = ALONE) -> Encoded:
        vectors = np.zeros((len(catalogue), self._places[-1]), np.float32)
        for row, (labels, numbers) in zip(vectors, _stated(self.settings, catalogue), strict=True):
            self._write_labels(row, labels)
            self._write_numbers(row, numbers)
        return Encoded(vectors, np.asarray(vectors.any(axis=1)))

    def _write_labels(self, row: Floats, stated: Mapping[str, list[str]]) -> None:
        columns, labels, _, _ = self._places
        for name in stated.keys() & columns.keys():
            row[columns[name]] = 1
            own = {labels[name, one] for one in stated[name] if (name, one) in labels}
            row[list(own)] = 1 / math.sqrt(max(len(own), 1))

    def _write_numbers(self, row: Floats, stated: Mapping[str, float]) -> None:
        _, _, numbers, _ = self._places
        for place, (name, at) in enumerate(numbers.items()):
            if name in stated:
                off = stated[name] - self.state["mean"][place]
                row[at : at + 2] = 1, np.clip(off / self.state["deviation"][place], -10, 10)


def _counted(
    settings: Settings, catalogue: Catalogue
) -> tuple[dict[str, Counter[str]], dict[str, list[float]]]:
    """By the names of the columns, how often each label stands there, and all numbers."""
    counts, numbers = dict[str, Counter[str]](), dict[str, list[float]]()
    for labels, own in _stated(settings, catalogue):
        for name, values in labels.items():
            counts.setdefault(name, Counter()).update(set(values))
        for name, number in own.items():
            numbers.setdefault(name, []).append(number)
    return counts, numbers


def _commonest(counts: Counter[str], most: int, support: int) -> list[tuple[str, int]]:
    """Of equally common ones those that come first by name."""
    ranked = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return [one for one in ranked[:most] if one[1] >= support]


def _spread(values: list[float]) -> tuple[float, float]:
    """Mean and deviation; where all are the same, any other is a whole deviation off or more."""
    return float(np.mean(values)), float(np.std(values)) or 1.0


def _stated(settings: Settings, catalogue: Catalogue) -> Iterator[Stated]:
    """Of each item; a column that the catalogue does not have is stated by none."""
    for row in each(catalogue.table, settings.fields):
        own = object_of(row.pop("attributes", None))
        yield _sorted({**row, **{f"attributes.{name}": value for name, value in own.items()}})


def _sorted(row: dict[str, Any]) -> Stated:
    """
    >>> _sorted({"brand": " Acme", "categories": ["Home > Lamps"], "attributes.watts": 7})
    ({'brand': ['acme'], 'categories': ['home', 'home > lamps']}, {'attributes.watts': 7.0})
    """
    labels, numbers = dict[str, list[str]](), dict[str, float]()
    for name, value in row.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if -LARGEST <= value <= LARGEST:
                numbers[name] = float(value)
        elif own := list(_labels(name, value)):
            labels[name] = own
    return labels, numbers


def _labels(name: str, value: Any) -> Iterator[str]:
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, (str, int, float)):
            continue
        label = " ".join(str(one).lower().split())
        yield from levels(label) if name == "categories" else filter(None, [label])
