"""A piece of content: known by its name, read when it is needed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, TypeVar

T = TypeVar("T")


class Unreadable(Exception):  # noqa: N818
    """Why content cannot be read, in few words and without its name, so that it can be counted.

    It never leaves the encoders: one broken photo among a million ends nothing.
    """


@dataclass(frozen=True)
class Piece:
    """What one item shows or says.

    key: the same for the same content, whatever item it belongs to.
    read: gives the content itself; raises Unreadable.
    size: bytes of it, or as many as it may have.
    """

    key: bytes
    read: Callable[[], bytes]
    size: int = 0

    @classmethod
    def of(cls, content: bytes) -> Self:
        """
        >>> Piece.of(b"scarf").key == Piece.of(b"scarf").key
        True
        """
        return cls(hashlib.sha256(content).digest(), lambda: content, len(content))


def tried(read: Callable[[bytes], T], content: bytes) -> T | str:
    """What is read of content, or the words for why it cannot be."""
    try:
        return read(content)
    except Unreadable as reason:
        return str(reason)
