"""Who speaks: two recordings of one voice are near each other, whatever is said.

The network is the one of the package Resemblyzer, of which only the file of weights is used: the
rest of it asks for libraries of 200 MB to read sounds, which Endcap reads without.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from endcap.content import encoding, media
from endcap.content.cache import Cache
from endcap.content.pieces import tried
from endcap.content.sounds import RATE, Spectrum, wave
from endcap.content.weights import Weights, needed
from endcap.stages import ALONE, Encoder, Run
from endcap.tables.catalogue import Catalogue
from endcap.types import Encoded, Floats

DIM = 256

SPECTRUM = Spectrum(bands=40, window=400, hop=160)

FRAMES, STEP = 160, 77
"""Of a piece, 1.6 seconds, and from one to the next: what the network was trained with."""

LOUD = 10 ** (-30 / 20)
"""To which a quiet voice is raised, as a root mean square."""

PAUSE, SILENCE = RATE * 30 // 1_000, 0.1
"""Samples that are silent or not, and the share of the usual loudness below which they are."""

WEIGHTS = Weights(
    "resemblyzer",
    "pretrained.pt",
    "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
    "pip install 'endcap[audio]' && pip install --no-deps Resemblyzer==0.1.4",
)


class Settings(media.Files):
    """Where the recordings are, and how much is heard."""

    column: media.Column = Field(
        "attributes.audio_url",
        description="column of the catalogue that names the file, or `attributes.NAME`",
    )
    seconds: float = Field(30.0, gt=0, description="of a recording that are heard, the first")


class Voice(Encoder[Settings]):
    """Generalised end-to-end loss (Wan et al., ICASSP 2018): the mean over pieces of 1.6 seconds.
    Vectors have length 1 and no number below 0."""

    settings_type = Settings

    @classmethod
    def check(cls, settings: Settings, key: str) -> None:
        WEIGHTS.path()
        needed("soundfile", "audio")

    def encode(self, catalogue: Catalogue, run: Run = ALONE) -> Encoded:
        cache = Cache.of(run.cache, self, WEIGHTS.sha256, DIM)
        found = media.pieces(catalogue, self.settings)
        return encoding.encode(found, len(catalogue), self._embed, cache, run.report, "voice")

    def _embed(self, contents: Sequence[bytes]) -> list[Floats | str]:
        return [tried(self._vector, content) for content in contents]

    @torch.no_grad()
    def _vector(self, content: bytes) -> Floats:
        spoken = _spoken(wave(content, self.settings.seconds))
        seen: Tensor = self._network(torch.from_numpy(_pieces(SPECTRUM(spoken))))
        found: Floats = functional.normalize(seen.mean(0), dim=0).numpy()
        return found

    @cached_property
    def _network(self) -> Speaker:
        weights = torch.load(WEIGHTS.path(), map_location="cpu", weights_only=True)
        network = Speaker()
        own = {name: weights["model_state"][name] for name in network.state_dict()}
        network.load_state_dict(own)
        return network.eval()


class Speaker(nn.Module):
    """[pieces, frames, bands] → [pieces, 256] of length 1. The names are those of the weights."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(SPECTRUM.bands, DIM, 3, batch_first=True)
        self.linear = nn.Linear(DIM, DIM)

    def forward(self, pieces: Tensor) -> Tensor:
        _, (hidden, _) = self.lstm(pieces)
        return functional.normalize(functional.relu(self.linear(hidden[-1])))


def _spoken(samples: Floats) -> Floats:
    """Without pauses, and loud enough."""
    parts = np.pad(samples, (0, -len(samples) % PAUSE)).reshape(-1, PAUSE)
    loudness = np.sqrt((parts**2).mean(axis=1))
    spoken = parts[loudness > SILENCE * np.quantile(loudness, 0.9)].ravel()
    spoken = spoken if len(spoken) else samples
    usual = float(np.sqrt((spoken**2).mean()))
    return spoken * np.float32(max(1.0, LOUD / usual))


def _pieces(frames: Floats) -> Floats:
    """[pieces, frames, bands]; the last one only where three quarters of it are there."""
    last = max(0, len(frames) - 3 * FRAMES // 4)
    padded = np.pad(frames, ((0, FRAMES), (0, 0)))
    return np.stack([padded[at : at + FRAMES] for at in range(0, last + 1, STEP)])
