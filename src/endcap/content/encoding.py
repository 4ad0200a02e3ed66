"""Pieces of content → vectors, batch by batch, and nothing twice."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from endcap.content.cache import Cache
from endcap.content.pieces import Piece, Unreadable
from endcap.types import Encoded, Floats, Report

log = logging.getLogger("endcap.content")

BATCH, BYTES = 64, 1 << 28
"""Items at once, and bytes of their files, which are in memory together."""

Embed: TypeAlias = Callable[[Sequence[bytes]], Sequence[Floats | str]]
"""For each content its vector, or the words for why it has none."""

Batch: TypeAlias = list[Piece | str | None]


def encode(
    pieces: Iterable[Piece | str | None],
    items: int,
    embed: Embed,
    cache: Cache,
    report: Report,
    name: str,
) -> Encoded:
    """The vectors of all items.

    pieces: one an item; None where it has no content, words where it cannot be had.
    report: told that `name` is being encoded, and how much of it is done.
    Content that cannot be read is told of and not kept as such: the next time it is tried again.
    """
    vectors = np.zeros((items, cache.dim), np.float32)
    known = np.zeros(items, np.bool_)
    faults = Counter[str]()
    done = 0
    for batch in _batches(pieces):
        rows = slice(done, done + len(batch))
        part = _encode(batch, embed, cache)
        vectors[rows], known[rows] = part.vectors, part.known
        faults.update(part.faults)
        done += len(batch)
        report(f"{name}: {done:,} of {items:,} items", done / items)
    if faults:
        why = ", ".join(f"{fault} ({count:,})" for fault, count in faults.most_common())
        _tell(f"{name}: of {faults.total():,} of {items:,} items nothing is known: {why}")
    return Encoded(vectors, known, dict(faults))


@lru_cache
def _tell(message: str) -> None:
    """Once: a fit encodes the same items several times, and the service after each change."""
    log.warning(message)


def _batches(pieces: Iterable[Piece | str | None]) -> Iterator[Batch]:
    batch, size = Batch(), 0
    for piece in pieces:
        batch.append(piece)
        size += piece.size if isinstance(piece, Piece) else 0
        if len(batch) == BATCH or size >= BYTES:
            yield batch
            batch, size = Batch(), 0
    if batch:
        yield batch


def _encode(batch: Batch, embed: Embed, cache: Cache) -> Encoded:
    pieces = {one.key: one for one in batch if isinstance(one, Piece)}
    found: dict[bytes, Floats | str] = dict(cache.get(list(pieces)))
    found.update(_new([one for key, one in pieces.items() if key not in found], embed, cache))
    rows = [found[one.key] if isinstance(one, Piece) else one or "" for one in batch]
    encoded = Encoded.stack(rows, cache.dim)
    return Encoded(encoded.vectors, encoded.known, {k: n for k, n in encoded.faults.items() if k})


def _new(pieces: Sequence[Piece], embed: Embed, cache: Cache) -> dict[bytes, Floats | str]:
    """What the cache does not have yet, which then has it."""
    found: dict[bytes, Floats | str] = {}
    contents: dict[bytes, bytes] = {}
    for piece in pieces:
        try:
            contents[piece.key] = piece.read()
        except Unreadable as reason:
            found[piece.key] = str(reason)
    if contents:
        found.update(zip(contents, embed(list(contents.values())), strict=True))
        new = {key: found[key] for key in contents}
        kept = {key: row for key, row in new.items() if not isinstance(row, str)}
        cache.put(kept, kept.values())
    return found
