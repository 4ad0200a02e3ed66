"""Ids of answers: by the time, then by chance (UUID version 7, RFC 9562, section 5.7).

The store has indexes by them. An id that comes after all before it goes to the end of an index,
next to its neighbours; one by chance alone goes to a page of its own, which is to be written whole.
"""

from __future__ import annotations

import secrets
import time
import uuid

CHANCE = 62
"""Bits by chance at the end of an id."""

_VERSION_AND_VARIANT = 0x7 << 76 | 0x2 << 62


def new_id() -> uuid.UUID:
    """Of an answer that is to be given now."""
    moment, chance = time.time_ns() // 1_000_000, secrets.randbits(12 + CHANCE)
    first, second = divmod(chance, 1 << CHANCE)
    return uuid.UUID(int=moment << 80 | first << 64 | second | _VERSION_AND_VARIANT)


def seed_of(id_: uuid.UUID) -> int:
    """What chance in the answer begins with."""
    return id_.int & ((1 << CHANCE) - 1)
