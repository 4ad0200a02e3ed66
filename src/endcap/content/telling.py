"""What items are described by: words, categories, brands and tags, weighed by their rarity."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from typing import Any, Literal, Self, TypeAlias

import numpy as np
import pyarrow as pa
from pydantic import Field

from endcap import config
from endcap.content.labels import packed, unpacked
from endcap.tables.catalogue import each
from endcap.tables.labels import levels
from endcap.types import Ragged
from endcap.types.sparse import Matrix, row_of, strongest, sums

UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Scripts that are written without spaces: Thai, Lao, Burmese, Khmer, Japanese, Chinese."""

RUN = re.compile(f"([{UNSPACED}]+)|[^\\W_{UNSPACED}]+")


Column: TypeAlias = Literal["title", "description", "categories", "brand", "tags"]


class Read(config.Settings):
    """What of the catalogue is read."""

    fields: tuple[Column, ...] = Field(
        ("title", "description", "categories", "brand", "tags"),
        min_length=1,
        description="columns of the catalogue that are compared",
    )
    words: int = Field(200, gt=0, description="words of each text that are read, the first")
    keep: int = Field(50, gt=0, description="terms that are kept of each item, the most telling")


class Telling:
    """The terms that tell something of items, and how much (TF-IDF: Salton & Buckley, IPM 1988).

    Terms are the words of texts, pairs of characters where a script has no spaces, each category
    with all above it, the brand and the tags. A term that only one item has, or all, tells nothing.
    state: `names` of the terms, and their `rarity`.
    """

    def __init__(self, settings: Read, state: Any) -> None:
        self.settings, self.names, self.rarity = settings, state["names"], state["rarity"]

    @classmethod
    def fit(cls, settings: Read, items: pa.Table) -> tuple[Self, Matrix]:
        """With the weights of the items that it learned from, [items, terms]."""
        codes: dict[str, int] = {}
        said = [
            [codes.setdefault(term, len(codes)) for term in terms]
            for terms in _said(settings, items)
        ]
        counts = _counted(said, len(codes))
        having = np.bincount(counts.indices, minlength=len(codes))
        telling = np.flatnonzero((having > 1) & (having < len(said)))
        names, rarity = list(codes), np.log(len(said) / having[telling]).astype(np.float32)
        words = packed([names[code] for code in telling])
        found = cls(settings, {"names": words, "rarity": rarity})
        return found, found._weighed(counts[:, telling])

    @property
    def state(self) -> dict[str, Any]:
        return {"names": self.names, "rarity": self.rarity}

    @cached_property
    def codes(self) -> dict[str, int]:
        """Of the terms."""
        return {name: code for code, name in enumerate(unpacked(self.names))}

    def weigh(self, items: pa.Table) -> Matrix:
        """[items, terms] rows of length 1, or of nothing where no term tells anything."""
        said = [
            [self.codes[term] for term in terms if term in self.codes]
            for terms in _said(self.settings, items)
        ]
        return self._weighed(_counted(said, len(self.rarity)))

    def _weighed(self, counts: Matrix) -> Matrix:
        """Logarithms of counts, by the rarity of the terms."""
        weights = counts.copy()
        weights.data = (1 + np.log(counts.data)) * self.rarity[counts.indices]
        kept = strongest(weights, self.settings.keep)
        kept.data /= np.sqrt(kept.power(2).sum(axis=1))[row_of(kept)]
        return kept


def _said(settings: Read, items: pa.Table) -> Iterator[list[str]]:
    """The terms of each item."""
    return (list(_terms(item, settings.words)) for item in each(items, settings.fields))


def _counted(said: list[list[int]], terms: int) -> Matrix:
    """[items, terms] how often each item has each term."""
    found = Ragged.of(said)
    ones = np.ones(len(found.values), np.float32)
    return sums(found.rows, found.values, ones, (len(found), terms))


def _terms(item: dict[str, Any], words: int) -> Iterator[str]:
    """What an item is described by, each with the name of its column but for words.

    >>> list(_terms({"brand": "Acme", "categories": ["Home > Lamps"]}, words=9))
    ['brand: acme', 'categories: home', 'categories: home > lamps']
    """
    for field, value in item.items():
        if field in ("title", "description"):
            yield from islice(_words(value or ""), words)
            continue
        labels = [value] if isinstance(value, str) else value or []
        for label in labels:
            yield from (f"{field}: {level.lower()}" for level in levels(label))


def _words(text: str) -> Iterator[str]:
    """
    >>> list(_words("Men's 15.6寸电脑包"))
    ['men', 's', '15', '6', '寸电', '电脑', '脑包']
    """
    for match in RUN.finditer(unicodedata.normalize("NFKC", text).lower()):
        run = match.group()
        if match.group(1) and len(run) > 2:
            yield from (run[at : at + 2] for at in range(len(run) - 1))
        else:
            yield run
