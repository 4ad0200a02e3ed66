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

from endcap import config
from endcap.nn.votes import elect, reasons, votes_of
from endcap.stages import Retriever, Run
from endcap.tables.dataset import Asked, Dataset
from endcap.types import History, Queries, Ragged, Ranking
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
    state: the weights as a packed matrix [items, terms] with rows of length 1; `terms` [1] how
    many there are.
    """

    settings_type = Settings
    search = config.space(
        keep=config.Between(5, 200, log=True),
        history=config.Choice(5, 10, 20, 50),
        recency=config.Between(0.4, 1.0),
    )

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        counts = _counts(settings, dataset.catalogue.table)
        run.report("content: weighing terms", 0.8)
        vectors = _weighted(counts, settings.keep)
        return cls(settings, {**pack(vectors), "terms": np.array(vectors.shape[1:])})

    @cached_property
    def vectors(self) -> Matrix:
        """[items, terms]"""
        return unpack(self.state, int(self.state["terms"][0]))

    @cached_property
    def by_term(self) -> Matrix:
        """[terms, items]"""
        by_term: Matrix = self.vectors.T.tocsr()
        return by_term

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


def _counts(settings: Settings, items: pa.Table) -> Matrix:
    """[items, terms] how often each item has each term."""
    codes: dict[str, int] = {}
    found = Ragged.of(
        [
            [codes.setdefault(term, len(codes)) for term in _terms(item, settings.words)]
            for batch in items.select(settings.fields).to_batches(max_chunksize=10_000)
            for item in batch.to_pylist()
        ]
    )
    shape = (len(found), len(codes))
    return sums(found.rows, found.values, np.ones(len(found.values), np.float32), shape)


def _weighted(counts: Matrix, keep: int) -> Matrix:
    """Logarithms of counts, by the rarity of the terms; rows of length 1."""
    items = np.bincount(counts.indices, minlength=counts.shape[1])
    rarity = np.log(counts.shape[0] / np.maximum(items, 1)) * (items > 1)
    weights = counts.copy()
    weights.data = ((1 + np.log(counts.data)) * rarity[counts.indices]).astype(np.float32)
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
