"""What an item sounds like, by a small network that learns it from the shop's own recordings.

Two pieces of one recording belong together, and so do those of one category; others don't.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property, partial
from typing import Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from endcap import config
from endcap.content import encoding, media
from endcap.content.cache import Cache
from endcap.content.pieces import Piece, Unreadable, tried
from endcap.content.sounds import Spectrum, decibels, wave
from endcap.content.weights import needed
from endcap.nn.fitting import restored
from endcap.nn.loop import Plan, Steps, train
from endcap.stages import ALONE, Encoder, Run
from endcap.tables.catalogue import Catalogue
from endcap.types import Encoded, Floats, Int64s

SPECTRUM = Spectrum(bands=64, window=1_024, hop=320)

FRAMES = 96
"""Of a piece: 1.9 seconds."""

TEMPERATURE = 0.1


class Settings(media.Files):
    """Where the recordings are, how much is heard, and how long it is learned from."""

    column: media.Column = Field(
        "attributes.audio_url",
        description="column of the catalogue that names the file, or `attributes.NAME`",
    )
    seconds: float = Field(30.0, gt=0, description="of a recording that are heard, the first")
    dim: int = Field(64, gt=0, description="numbers that a recording becomes")
    categories: bool = Field(
        True, description="whether recordings of one category are taken to belong together"
    )
    clips: int = Field(2_000, gt=1, description="recordings, drawn by chance, that it learns from")
    epochs: int = Field(20, gt=0, description="epochs; in each, every recording is heard once")
    batch: int = Field(64, gt=1, description="recordings that are held against each other")
    learning_rate: float = Field(2e-3, gt=0, description="step size of AdamW")
    average: float = Field(0.9, ge=0, lt=1, description="what the mean of weights keeps a step")


class Audio(Encoder[Settings]):
    """Contrastive learning of log-mel spectra (COLA: Saeed et al., ICASSP 2021), with the
    categories as labels where there are any (Khosla et al., NeurIPS 2020).

    How loud a recording is does not count. A recording's vector is the mean of those of its
    pieces, of length 1. Of fewer than two recordings nothing can be learned; the network then
    stays as it begins.
    state: the weights of the network.
    """

    settings_type = Settings
    search = config.space(dim=config.Choice(32, 64, 128), epochs=config.Between(5, 40))

    @classmethod
    def check(cls, settings: Settings, key: str) -> None:
        needed("soundfile", "audio")

    @classmethod
    def fit(cls, settings: Settings, catalogue: Catalogue, run: Run) -> Self:
        clips, kinds = _clips(settings, catalogue, run)
        torch.manual_seed(run.seed)
        network = Ear(settings.dim)
        if len(clips) > 1:
            plan = Plan(settings.epochs, 0, settings.learning_rate, 1e-4, settings.average, "audio")
            steps = partial(_steps, network, clips, kinds, settings.batch, run.seed)
            network, _ = train(network, steps, None, plan, run)
        state = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
        return cls(settings, state)

    def encode(self, catalogue: Catalogue, run: Run = ALONE) -> Encoded:
        cache = Cache.of(run.cache, self, "", self.settings.dim)
        found = media.pieces(catalogue, self.settings)
        return encoding.encode(found, len(catalogue), self._embed, cache, run.report, "audio")

    def _embed(self, contents: Sequence[bytes]) -> list[Floats | str]:
        return [tried(self._vector, content) for content in contents]

    @torch.no_grad()
    def _vector(self, content: bytes) -> Floats:
        clip = _heard(content, self.settings.seconds)
        starts = range(0, max(1, len(clip) - FRAMES // 2), FRAMES // 2)
        pieces = np.stack([_piece(clip, start) for start in starts])
        mean = self._network(torch.from_numpy(pieces)).mean(0)
        found: Floats = functional.normalize(mean, dim=0).numpy()
        return found

    @cached_property
    def _network(self) -> Ear:
        return restored(Ear(self.settings.dim), self.state)


class Ear(nn.Module):
    """[pieces, frames, bands] → [pieces, dim] of length 1.

    Bands stay apart up to the last layer: a tone that is higher is another tone.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        layers, before = list[nn.Module](), 1
        for channels in (16, 32, 64):
            layers += [
                nn.Conv2d(before, channels, 3, stride=2, padding=1),
                nn.GroupNorm(4, channels),
                nn.ReLU(),
            ]
            before = channels
        self.layers = nn.Sequential(*layers)
        self.out = nn.Linear(before * SPECTRUM.bands // 8, dim)

    def forward(self, pieces: Tensor) -> Tensor:
        level = pieces.mean((1, 2), keepdim=True)
        scale = pieces.std((1, 2), keepdim=True) + 1e-3
        seen = self.layers(((pieces - level) / scale)[:, None]).mean(2)
        return functional.normalize(self.out(seen.flatten(1)))


def _clips(settings: Settings, catalogue: Catalogue, run: Run) -> tuple[list[Floats], Int64s]:
    """Recordings that can be heard, [frames, bands] each, and for each the number of its kind:
    those of a category are of one kind, one without a category is of its own."""
    named = np.flatnonzero([bool(name) for name in media.names(catalogue.table, settings.column)])
    order = np.random.default_rng(run.seed).permutation(named)[: settings.clips]
    drawn = Catalogue(catalogue.table.take(np.sort(order)), catalogue.features)
    heard, kinds = list[Floats](), dict[str, int]()
    numbers = list[int]()
    found = zip(media.pieces(drawn, settings), _categories(settings, drawn), strict=True)
    for place, (piece, category) in enumerate(found):
        with suppress(Unreadable):
            if isinstance(piece, Piece):
                heard.append(_heard(piece.read(), settings.seconds))
                numbers.append(kinds.setdefault(category or f"\0{place}", len(kinds)))
        run.report(f"audio: heard {place + 1:,} of {len(drawn):,}", (place + 1) / len(drawn))
    return heard, np.array(numbers, np.int64)


def _categories(settings: Settings, catalogue: Catalogue) -> list[str]:
    if not settings.categories or "categories" not in catalogue.table.column_names:
        return [""] * len(catalogue)
    return [(paths or [""])[0] or "" for paths in catalogue.table["categories"].to_pylist()]


def _heard(content: bytes, seconds: float) -> Floats:
    """[frames, bands]. Raises Unreadable."""
    return decibels(SPECTRUM(wave(content, seconds)))


def _piece(clip: Floats, start: int) -> Floats:
    """[frames, bands]; a clip that ends too early begins again."""
    rows = np.arange(start, start + FRAMES)
    return clip[rows % len(clip)] if len(clip) < start + FRAMES else clip[rows]


def _steps(
    network: Ear, clips: list[Floats], kinds: Int64s, batch: int, seed: int, epoch: int
) -> Steps:
    """All clips in an order by chance, two pieces by chance of each."""
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(clips))
    count = max(1, len(clips) // batch)
    for place, rows in enumerate(np.array_split(order, count)):
        pieces = np.concatenate([_pair(clips[row], rng) for row in rows])
        kind = torch.from_numpy(np.repeat(kinds[rows], 2))
        yield (place + 1) / count, partial(_loss, network, torch.from_numpy(pieces), kind)


def _pair(clip: Floats, rng: np.random.Generator) -> Floats:
    starts = rng.integers(0, max(1, len(clip) - FRAMES + 1), 2)
    return np.stack([_piece(clip, int(start)) for start in starts])


def _loss(network: Ear, pieces: Tensor, kind: Tensor) -> Tensor:
    """Each piece shall find those of its kind among all others.

    pieces: [pieces, frames, bands]; kind: [pieces]
    """
    vectors = network(pieces)
    alone = torch.eye(len(kind), dtype=torch.bool)
    scores = (vectors @ vectors.T / TEMPERATURE).masked_fill(alone, -torch.inf)
    right = (kind[:, None] == kind) & ~alone
    logs = scores.log_softmax(1).masked_fill(~right, 0.0)
    loss: Tensor = -(logs.sum(1) / right.sum(1)).mean()
    return loss
