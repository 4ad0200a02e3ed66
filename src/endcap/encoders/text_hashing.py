"""Words and runs of characters, weighed by their rarity and made dense: any language, no model.

Light enough for every shop, and what is spelt alike is found alike; it does not know that a
sofa is a couch.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveInt
from scipy import sparse
from scipy.sparse.linalg import svds

from endcap import config
from endcap.content.terms import Hashes, terms
from endcap.content.texts import Texts, texts
from endcap.stages import ALONE, Encoder, Run
from endcap.tables.catalogue import Catalogue
from endcap.types import Encoded, Floats
from endcap.types.sparse import Matrix, sums

BLOCK = 4_096
"""Texts whose terms are in memory at once."""


class Settings(Texts):
    """What is read, and how much of it is kept."""

    dim: int = Field(128, gt=0, description="numbers that an item becomes")
    grams: tuple[PositiveInt, ...] = Field(
        (2, 3, 4), description="lengths of the runs of characters"
    )
    terms: int = Field(50_000, gt=0, description="terms that are kept, the most frequent")
    learn: int = Field(50_000, gt=0, description="items, drawn by chance, that it learns from")


class TextHashing(Encoder[Settings]):
    """Latent semantic analysis (Deerwester et al., JASIS 1990) of hashed terms.

    A term counts 1 + log of how often the text has it, times its rarity; the rows have length 1
    before and after. A text of nothing but unknown terms is unknown.
    state: `terms` [terms] their hashes, ascending; `rarity` [terms]; `axes` [terms, dim].
    """

    settings_type = Settings
    search = config.space(
        dim=config.Choice(32, 64, 128, 256), terms=config.Between(10_000, 200_000, log=True)
    )

    @classmethod
    def fit(cls, settings: Settings, catalogue: Catalogue, run: Run) -> Self:
        run.report("text_hashing: counting terms", 0.1)
        keys, counts = _counted(settings, _sample(settings, catalogue, run.seed))
        kept = np.sort(np.argsort(-counts, kind="stable")[: settings.terms])
        rarity = np.log((1 + min(len(catalogue), settings.learn)) / (1 + counts[kept])) + 1
        state: dict[str, NDArray[Any]] = {
            "terms": keys[kept],
            "rarity": rarity.astype(np.float32),
        }
        run.report("text_hashing: finding axes", 0.5)
        plain = cls(settings, {**state, "axes": np.zeros((len(kept), 0), np.float32)})
        rows = [plain.weights(block) for block in _blocks(_sample(settings, catalogue, run.seed))]
        matrix = sparse.vstack(rows, format="csr") if rows else sparse.csr_array((0, len(kept)))
        return cls(settings, {**state, "axes": _axes(matrix, settings.dim, run.seed)})

    def encode(self, catalogue: Catalogue, run: Run = ALONE) -> Encoded:
        vectors = np.zeros((len(catalogue), self.settings.dim), np.float32)
        done = 0
        for block in _blocks(texts(catalogue, self.settings)):
            vectors[done : done + len(block)] = self.weights(block) @ self.state["axes"]
            done += len(block)
            run.report(f"text_hashing: {done:,} items", done / len(catalogue))
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        return Encoded.masked(vectors / np.maximum(length, 1e-6), length[:, 0] > 1e-6)

    def weights(self, block: list[str]) -> Matrix:
        """[texts, terms] rows of length 1, or 0 where no term is known."""
        text, key = terms(block, self.settings.grams)
        known: Hashes = self.state["terms"]
        place = np.minimum(np.searchsorted(known, key), max(len(known) - 1, 0))
        held = known[place] == key if len(known) else np.zeros(len(key), np.bool_)
        ones = np.ones(np.count_nonzero(held), np.float32)
        matrix = sums(text[held], place[held], ones, (len(block), len(known)))
        matrix.data = (1 + np.log(matrix.data)) * self.state["rarity"][matrix.indices]
        length = np.sqrt(matrix.power(2).sum(axis=1))
        matrix.data /= np.repeat(length, np.diff(matrix.indptr))
        return matrix


def _sample(settings: Settings, catalogue: Catalogue, seed: int) -> Iterator[str]:
    if len(catalogue) <= settings.learn:
        return texts(catalogue, settings)
    drawn = np.random.default_rng(seed).choice(len(catalogue), settings.learn, replace=False)
    rows = catalogue.table.take(np.sort(drawn))
    return texts(Catalogue(rows, catalogue.features), settings)


def _blocks(all_texts: Iterator[str]) -> Iterator[list[str]]:
    while block := list(islice(all_texts, BLOCK)):
        yield block


def _counted(settings: Settings, sample: Iterator[str]) -> tuple[Hashes, NDArray[Any]]:
    """All terms, ascending, and in how many texts each stands."""
    keys, counts = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for block in _blocks(sample):
        text, key = terms(block, settings.grams)
        pairs = np.unique(np.stack([text.astype(np.uint64), key]), axis=1)
        own, count = np.unique(pairs[1], return_counts=True)
        keys.append(own)
        counts.append(count)
    found, place = np.unique(np.concatenate(keys), return_inverse=True)
    return found, np.bincount(place, np.concatenate(counts), len(found))


def _axes(matrix: Matrix, dim: int, seed: int) -> Floats:
    """[terms, dim] what spans most of the rows; 0 for axes that so few rows don't have."""
    axes = np.zeros((matrix.shape[1], dim), np.float32)
    small = min(matrix.shape)
    if small <= dim + 1:
        _, sizes, right = np.linalg.svd(matrix.toarray(), full_matrices=False)
        right = right[sizes > 1e-4][:dim]
    else:
        start = np.random.default_rng(seed).normal(size=small).astype(np.float32)
        right = svds(matrix, k=dim, v0=start)[2]
    axes[:, : len(right)] = right.T
    return axes
