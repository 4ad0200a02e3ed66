"""Waves and spectra: what is where by thought."""

from __future__ import annotations

import io

import numpy as np
import pytest

from endcap.content.pieces import Unreadable
from endcap.content.sounds import RATE, Spectrum, decibels, wave
from tests.contents import wav

pytest.importorskip("soundfile")

SPECTRUM = Spectrum(bands=40, window=400, hop=160)


def sine(
    hertz: float, rate: int = RATE, seconds: float = 1.0
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_any_rate_becomes_the_one(rate: int) -> None:
    found = wave(wav(sine(440, rate), rate), 9.0)
    assert len(found) == RATE
    np.testing.assert_allclose(found[2_000:-2_000], sine(440)[2_000:-2_000], atol=0.01)


def test_channels_are_mixed_and_only_the_first_seconds_are_heard() -> None:
    both = np.stack([sine(440), np.zeros(RATE)], axis=1)
    found = wave(wav(both), 0.5)
    assert len(found) == RATE // 2
    np.testing.assert_allclose(found, sine(440)[: RATE // 2] / 2, atol=1e-3)


@pytest.mark.parametrize("loud", [1.0, 20.0, 1e30])
def test_samples_beyond_the_loudest_have_spectra_too(loud: float) -> None:
    """Floats in a file may be of any size."""
    out = io.BytesIO()
    samples = (2 * loud * sine(440)).astype(np.float32)
    pytest.importorskip("soundfile").write(out, samples, RATE, format="WAV", subtype="FLOAT")
    found = wave(out.getvalue(), 9.0)
    assert abs(np.abs(found).max() - 1) < 0.01
    assert np.isfinite(decibels(SPECTRUM(found))).all()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is no sound"),
        (b"RIFF of something", "is no sound"),
        (wav(sine(440))[:44], "sound is silent"),
        (wav(np.zeros(RATE)), "sound is silent"),
        (wav(sine(440, 500), 500), "sound has a rate or channels that no recording has"),
        (wav(np.ones((99, 9))), "sound has a rate or channels that no recording has"),
    ],
)
def test_what_cannot_be_heard_is_told(content: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        wave(content, 9.0)


@pytest.mark.parametrize("hertz", [200, 1_000, 3_000, 7_000])
def test_a_tone_is_in_its_band(hertz: float) -> None:
    """Middles of the bands are equally far apart in mels: up to 1000 Hz one each 66.7 Hz."""
    frames = SPECTRUM(sine(hertz).astype(np.float32))
    assert frames.shape == (101, 40)
    mel = hertz / 66.667 if hertz < 1_000 else 15 + np.log(hertz / 1_000) * 27 / np.log(6.4)
    top = 15 + np.log(8) * 27 / np.log(6.4)
    assert abs(frames[50].argmax() + 1 - mel / top * 41) < 0.6


def test_decibels_are_relative_to_the_loudest() -> None:
    power = np.array([[1.0, 100.0], [0.0, 10.0]], np.float32)
    np.testing.assert_allclose(decibels(power), [[-20.0, 0.0], [-80.0, -10.0]], atol=1e-4)
    np.testing.assert_allclose(decibels(power * 9), decibels(power), atol=1e-4)
