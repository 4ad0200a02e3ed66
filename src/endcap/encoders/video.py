"""What an item's video shows, and how it sounds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from pydantic import Field

from endcap.content import efficientnet, encoding, media
from endcap.content.cache import Cache
from endcap.content.efficientnet import Photos
from endcap.content.pieces import tried
from endcap.content.sounds import Spectrum, decibels
from endcap.content.videos import frames, sound
from endcap.content.weights import needed
from endcap.stages import ALONE, Encoder, Run
from endcap.tables.catalogue import Catalogue
from endcap.types import Encoded, Floats

SPECTRUM = Spectrum(bands=64, window=1_024, hop=320)

DIM = efficientnet.DIM + 2 * SPECTRUM.bands


class Settings(media.Files):
    """Where the videos are, and how much of them is seen and heard."""

    column: media.Column = Field(
        "attributes.video_url",
        description="column of the catalogue that names the file, or `attributes.NAME`",
    )
    megabytes: float = Field(200.0, gt=0, description="size of a file at most")
    pictures: int = Field(8, gt=0, description="moments that are looked at")
    seconds: float = Field(30.0, gt=0, description="of the sound that are heard, the first")
    loud: float = Field(
        0.3, ge=0, description="how much the sound counts, where the pictures say 1"
    )


class Video(Encoder[Settings]):
    """[mean of what the image network sees, `loud` × the spectrum's mean and change].

    Both parts have length 1 before; the second is 0 where a video has no sound to be heard.
    """

    settings_type = Settings

    @classmethod
    def check(cls, settings: Settings, key: str) -> None:
        efficientnet.WEIGHTS.path()
        needed("av", "video")
        needed("PIL.Image", "image")

    def encode(self, catalogue: Catalogue, run: Run = ALONE) -> Encoded:
        cache = Cache.of(run.cache, self, efficientnet.WEIGHTS.sha256, DIM)
        found = media.pieces(catalogue, self.settings)
        return encoding.encode(found, len(catalogue), self._embed, cache, run.report, "video")

    def _embed(self, contents: Sequence[bytes]) -> list[Floats | str]:
        return [tried(self._vector, content) for content in contents]

    def _vector(self, content: bytes) -> Floats:
        shown = self._photos.vectors(frames(content, self.settings.pictures)).mean(axis=0)
        heard = self.settings.loud * _spectrum(sound(content, self.settings.seconds))
        return np.concatenate([shown / np.linalg.norm(shown), heard]).astype(np.float32)

    @cached_property
    def _photos(self) -> Photos:
        return Photos.load()


def _spectrum(wave: Floats | None) -> Floats:
    """[2 × bands] how loud each band is against the others, and how much that changes."""
    if wave is None:
        return np.zeros(2 * SPECTRUM.bands, np.float32)
    bands = decibels(SPECTRUM(wave))
    mean = bands.mean(axis=0)
    both = np.concatenate([mean - mean.mean(), bands.std(axis=0)]).astype(np.float32)
    length = max(float(np.linalg.norm(both)), 1e-6)
    return np.asarray(both / length, np.float32)
