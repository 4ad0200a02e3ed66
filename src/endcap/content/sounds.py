"""Bytes of a recording → its wave, and its spectrum as ears part it."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from endcap.content.pieces import Unreadable
from endcap.content.weights import needed
from endcap.types import Floats

RATE = 16_000
"""Samples of a second, after all."""

LOWEST, HIGHEST, CHANNELS = 1_000, 192_000, 8
"""Samples of a second that a recording may have, and channels: a bomb has more of them."""

QUIET = 1e-5
"""The loudest sample of what counts as silence: 100 dB below full."""


def wave(content: bytes, seconds: float) -> Floats:
    """The first seconds of a WAV, FLAC, Ogg or MP3 as [samples] from −1 to 1, its channels mixed.
    Raises Unreadable where there is none, or nothing to be heard."""
    sound = needed("soundfile", "audio")
    try:
        with sound.SoundFile(io.BytesIO(content)) as file:
            if not LOWEST <= file.samplerate <= HIGHEST or file.channels > CHANNELS:
                raise Unreadable("sound has a rate or channels that no recording has")
            samples = file.read(int(seconds * file.samplerate), "float32", always_2d=True)
            return audible(samples.mean(axis=1), file.samplerate)
    except (sound.LibsndfileError, RuntimeError, ValueError, TypeError) as error:
        raise Unreadable("is no sound") from error


def audible(samples: Floats, rate: int) -> Floats:
    """At `RATE`, and no louder than from −1 to 1. Raises Unreadable where nothing can be heard."""
    clean = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    loudest = float(np.abs(clean).max(initial=0))
    if loudest < QUIET:
        raise Unreadable("sound is silent")
    clean = clean / np.float32(max(loudest, 1.0))
    common = math.gcd(rate, RATE)
    found: Floats = resample_poly(clean, RATE // common, rate // common).astype(np.float32)
    return found


@dataclass(frozen=True)
class Spectrum:
    """Power by the time and by bands that are as wide as ears part them (mel).

    bands: how many; window: samples of a frame; hop: samples from one to the next.
    """

    bands: int
    window: int
    hop: int

    def __call__(self, samples: Floats) -> Floats:
        """[frames, bands] of a wave, its ends padded with silence."""
        padded = np.pad(samples, self.window // 2)
        count = 1 + (len(padded) - self.window) // self.hop
        starts = self.hop * np.arange(count)
        frames = padded[starts[:, None] + np.arange(self.window)]
        power = np.abs(np.fft.rfft(frames * self._hann)) ** 2
        found: Floats = (power @ self._filters.T).astype(np.float32)
        return found

    @cached_property
    def _hann(self) -> NDArray[np.float64]:
        return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.window) / self.window)

    @cached_property
    def _filters(self) -> NDArray[np.float64]:
        """[bands, frequencies] triangles from one band's middle to the next, each of area 1
        (Slaney, Auditory Toolbox, 1998)."""
        edges = _hertz(np.linspace(0, _mel(RATE / 2), self.bands + 2))
        at = np.linspace(0, RATE / 2, self.window // 2 + 1)
        width = np.diff(edges)
        rising = (at - edges[:-2, None]) / width[:-1, None]
        falling = (edges[2:, None] - at) / width[1:, None]
        area = 2 / (edges[2:] - edges[:-2])
        triangles: NDArray[np.float64] = np.maximum(0, np.minimum(rising, falling)) * area[:, None]
        return triangles


def decibels(power: Floats) -> Floats:
    """By the loudness, as ears hear it: at least 80 dB below the loudest."""
    loudest = max(float(power.max(initial=0)), 1e-20)
    return np.asarray(10 * np.log10(np.maximum(power / loudest, 1e-8)), np.float32)


BEND, LINEAR = 1_000.0, 200 / 3
"""Up to 1000 Hz a mel has as many Hz; above it grows."""

GROWTH = math.log(6.4) / 27


def _mel(hertz: float) -> float:
    """
    >>> round(_mel(1_000.0), 6)
    15.0
    """
    if hertz < BEND:
        return hertz / LINEAR
    return BEND / LINEAR + math.log(hertz / BEND) / GROWTH


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    bend = BEND / LINEAR
    return np.where(mel < bend, mel * LINEAR, BEND * np.exp(GROWTH * (mel - bend)))
