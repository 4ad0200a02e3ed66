"""Texts → the hashes of their words and of their runs of characters, for any script."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from endcap.types import Int32s, offsets_of, spans

Hashes: TypeAlias = NDArray[np.uint64]

WORDS = re.compile(r"\w+")

SPACE = ord(" ")

ODD = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio: what follows on a sign is multiplied by it once more."""


def terms(texts: Sequence[str], grams: Sequence[int]) -> tuple[Int32s, Hashes]:
    """(text, hash) of each word, and of each run of `grams` characters within a word and the
    spaces around it. Of scripts without spaces the runs are what counts.

    >>> text, found = terms(["ab", "Ab!"], grams=[2])
    >>> found[text == 0].tolist() == found[text == 1].tolist()
    True
    >>> len(found[text == 0])  # the word, and " a", "ab", "b "
    4
    """
    spaced = [_spaced(text) for text in texts]
    lengths = np.array([len(text) for text in spaced], np.int64)
    signs = np.frombuffer("".join(spaced).encode("utf-32-le", "replace"), "<u4").astype(np.uint64)
    text = np.repeat(np.arange(len(texts), dtype=np.int32), lengths)
    parts = [_words(signs, text), *(_runs(signs, text, length) for length in grams)]
    return np.concatenate([at for at, _ in parts]), np.concatenate([key for _, key in parts])


def _spaced(text: str) -> str:
    words = WORDS.findall(text.lower())
    return f" {' '.join(words)} " if words else ""


def _words(signs: Hashes, text: Int32s) -> tuple[Int32s, Hashes]:
    gap = np.r_[True, signs == SPACE, True]
    starts = np.flatnonzero(gap[:-1] & ~gap[1:])
    stops = np.flatnonzero(~gap[:-1] & gap[1:])
    if not len(starts):
        return np.zeros(0, np.int32), np.zeros(0, np.uint64)
    lengths = stops - starts
    within = spans(starts, stops)
    place = np.arange(len(within)) - np.repeat(offsets_of(lengths)[:-1], lengths)
    values = _mixed(signs[within]) * _powers(int(lengths.max()))[place]
    return text[starts], np.add.reduceat(values, offsets_of(lengths)[:-1])


def _runs(signs: Hashes, text: Int32s, length: int) -> tuple[Int32s, Hashes]:
    """Those of one length; a space stands in them at their ends only."""
    count = max(0, len(signs) - length + 1)
    windows = [signs[at : at + count] for at in range(length)]
    inside = text[:count] == text[length - 1 : length - 1 + count]
    for window in windows[1:-1]:
        inside &= window != SPACE
    key = np.full(count, length, np.uint64)
    for window in windows:
        key = (key ^ _mixed(window)) * ODD
    return text[:count][inside], key[inside]


def _powers(length: int) -> Hashes:
    return np.cumprod(np.full(length, ODD), dtype=np.uint64)


def _mixed(signs: Hashes) -> Hashes:
    """Bits that differ all over for signs that differ in the last (the end of SplitMix64)."""
    mixed = (signs ^ (signs >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
