"""Items described like those that the visitor looked at last.

What it knows of an item is in the catalogue, so it proposes what nobody has seen yet.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
from pydantic import Field
from scipy import sparse

from endcap import config
from endcap.content.labels import packed, unpacked
from endcap.nn.votes import elect, reasons, votes_of
from endcap.stages import Retriever, Run, State
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Asked, Dataset
from endcap.types import Floats, History, Int32s, Queries, Ragged, Ranking
from endcap.types.sparse import Matrix, pack, row_of, strongest, sums, unpack

UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Scripts that are written without spaces: Thai, Lao, Burmese, Khmer, Japanese, Chinese."""

RUN = re.compile(f"([{UNSPACED}]+)|[^\\W_{UNSPACED}]+")


class Settings(config.Settings):
    """What of the catalogue is read, and of whose past."""

    fields: tuple[Literal["title", "description", "categories", "brand", "tags"], ...] = Field(
        ("title", "description", "categories", "brand", "tags"),
        min_length=1,
        description="columns of the catalogue that are compared",
    )
    words: int = Field(200, gt=0, description="words of each text that are read, the first")
    keep: int = Field(50, gt=0, description="terms that are kept of each item, the most telling")
    history: int = Field(20, gt=0, description="newest events of a visitor that count")
    recency: float = Field(0.8, gt=0, le=1, description="what each older event of them keeps")


class Content(Retriever[Settings]):
    """The cosine of weighted terms (TF-IDF) between the items and the mean of the history's.

    Salton & Buckley, IPM 1988. Terms are the words of texts, pairs of characters where a script
    has no spaces, each category with all above it, the brand and the tags. A term that only one
    item has, or all, tells nothing.
    state: the weights as a packed matrix [items, terms] with rows of length 1; `names` of the
    terms that tell something, and their `rarity`.
    """

    settings_type = Settings
    search = config.space(
        keep=config.Between(5, 200, log=True),
        history=config.Choice(5, 10, 20, 50),
        recency=config.Between(0.4, 1.0),
    )

    def __init__(self, settings: Settings, state: State) -> None:
        super().__init__(settings, state)
        self.rarity = state["rarity"]

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        codes: dict[str, int] = {}
        said = [
            [codes.setdefault(term, len(codes)) for term in terms]
            for terms in _said(settings, dataset.catalogue.table)
        ]
        run.report("content: weighing terms", 0.8)
        counts = _counted(said, len(codes))
        items = np.bincount(counts.indices, minlength=len(codes))
        telling = np.flatnonzero((items > 1) & (items < len(said)))
        rarity = np.log(len(said) / items[telling]).astype(np.float32)
        vectors = _weighed(counts[:, telling], rarity, settings.keep)
        names = list(codes)
        words = packed([names[code] for code in telling])
        return cls(settings, {**pack(vectors), "names": words, "rarity": rarity})

    @cached_property
    def vectors(self) -> Matrix:
        """[items, terms]"""
        return unpack(self.state, len(self.rarity))

    @cached_property
    def by_term(self) -> Matrix:
        """[terms, items]"""
        by_term: Matrix = self.vectors.T.tocsr()
        return by_term

    @cached_property
    def codes(self) -> dict[str, int]:
        """Of the terms."""
        return {name: code for code, name in enumerate(unpacked(self.state["names"]))}

    def adopt(self, catalogue: Catalogue, new: Int32s) -> Self:
        """By the terms that tell something of the items of the fit."""
        codes = self.codes
        said = [
            [codes[term] for term in terms if term in codes]
            for terms in _said(self.settings, catalogue.some(new).table)
        ]
        own = _weighed(_counted(said, len(self.rarity)), self.rarity, self.settings.keep)
        grown = type(self)(self.settings, self.state)
        vectors = sparse.vstack([self.vectors, own], format="csr")
        vars(grown).update(vectors=vectors, codes=codes)
        return grown

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        return elect(self._votes(queries.history) @ self.vectors, self.by_term, queries, n)

    def because(self, queries: Queries, ranking: Ranking) -> Ragged:
        votes, shown = self._votes(queries.history), np.unique(ranking.item)
        past = np.unique(votes.indices)
        alike = (self.vectors[past] @ self.by_term[:, shown]).tocoo()
        shape = (self.vectors.shape[0],) * 2
        return reasons(votes, sums(past[alike.row], shown[alike.col], alike.data, shape), ranking)

    def _votes(self, history: History) -> Matrix:
        items = self.vectors.shape[0]
        return votes_of(history, self.settings.history, self.settings.recency, items)


def _said(settings: Settings, items: pa.Table) -> Iterator[list[str]]:
    """The terms of each item."""
    for batch in items.select(settings.fields).to_batches(max_chunksize=10_000):
        yield from (list(_terms(item, settings.words)) for item in batch.to_pylist())


def _counted(said: list[list[int]], terms: int) -> Matrix:
    """[items, terms] how often each item has each term."""
    found = Ragged.of(said)
    ones = np.ones(len(found.values), np.float32)
    return sums(found.rows, found.values, ones, (len(found), terms))


def _weighed(counts: Matrix, rarity: Floats, keep: int) -> Matrix:
    """Logarithms of counts, by the rarity of the terms; rows of length 1."""
    weights = counts.copy()
    weights.data = (1 + np.log(counts.data)) * rarity[counts.indices]
    kept = strongest(weights, keep)
    kept.data /= np.sqrt(kept.power(2).sum(axis=1))[row_of(kept)]
    return kept


def _terms(item: dict[str, Any], words: int) -> Iterator[str]:
    """What an item is described by, each with the name of its column but for words.

    >>> list(_terms({"brand": "Acme", "categories": ["Home > Lamps"]}, words=9))
    ['brand: acme', 'categories: home', 'categories: home > lamps']
    """
    for field, value in item.items():
        if field in ("title", "description"):
            yield from _words(value or "")[:words]
            continue
        labels = [value] if isinstance(value, str) else value or []
        for label in labels:
            parts = [part.strip() for part in label.lower().split(">")]
            yield from (f"{field}: {' > '.join(parts[: depth + 1])}" for depth in range(len(parts)))


def _words(text: str) -> list[str]:
    """
    >>> _words("Men's 15.6寸电脑包")
    ['men', 's', '15', '6', '寸电', '电脑', '脑包']
    """
    found = []
    for match in RUN.finditer(unicodedata.normalize("NFKC", text).lower()):
        run, unspaced = match.group(), match.group(1) and len(match.group()) > 2
        found += [run[at : at + 2] for at in range(len(run) - 1)] if unspaced else [run]
    return found
