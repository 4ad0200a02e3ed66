"""What one of several processes has learned, for all of them.

Each could learn for itself and would come to the same. But what follows from a lesson, the
neighbours of all items say, would then be in memory as often as there are processes, and be worked
out as often. So one learns, and puts its models where the others read them: in memory that has no
name, is nobody's to change, and is gone with the last who reads it.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import pickle
import secrets
import struct
import sys
from collections.abc import Mapping, Sequence
from mmap import ACCESS_READ, mmap
from typing import Any, NamedTuple

import numpy as np

from endcap.stages import Retriever

Models = Mapping[str, Retriever[Any]]

WHERE = struct.Struct("=qq")
"""On the board: the process whose lesson is the newest, and the number that its file has there."""

EDGE = 64
"""Bytes to a multiple of which each part of a lesson begins, so that arrays lie well."""


class Lesson(NamedTuple):
    """release: of which the models are.
    learned: the number of the newest live event that they were taught.
    came: ids of the items that came since the release, in the order of their codes.
    """

    release: str
    learned: int
    came: Sequence[str]
    models: Models


class Lessons:
    """A board that processes have in common which are forked from the one that makes it.

    Only they can read a lesson: each carries a mark that nobody else knows, as what is unpickled
    is trusted like code.
    """

    def __init__(self) -> None:
        self._board, self._mark = os.memfd_create("endcap-board"), secrets.token_bytes(EDGE)
        self._told: int | None = None

    def mine(self) -> bool:
        """Whether it is this process that learns. One does, from the first time that it asks until
        it ends."""
        try:
            fcntl.lockf(self._board, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def leave(self) -> None:
        """Learn for the others no longer; another will."""
        fcntl.lockf(self._board, fcntl.LOCK_UN)

    def tell(self, lesson: Lesson, fitted: Models) -> None:
        """Have the others read what this process has learned.

        fitted: the release's own models. What a lesson has left as it was is named, not copied:
        everyone has it.
        """
        head = json.dumps([lesson.release, lesson.learned, lesson.came]).encode()
        parts: list[pickle.PickleBuffer] = []
        models = io.BytesIO()
        _Pickler(models, fitted, parts.append).dump(dict(lesson.models))
        file = os.memfd_create("endcap-lesson")
        _write(file, [self._mark, head, models.getbuffer(), *(part.raw() for part in parts)])
        os.pwrite(self._board, WHERE.pack(os.getpid(), file), 0)
        if self._told is not None:
            os.close(self._told)
        self._told = file

    def newest(self, release: str, after: int, fitted: Models) -> Lesson | None:
        """The newest lesson, if it is one for the release's models that goes beyond event `after`.
        Its arrays are read where they are, and can't be changed."""
        parts = self._read()
        if not parts:
            return None
        told, learned, came = json.loads(bytes(parts[0]))
        if told != release or learned <= after:
            return None
        return Lesson(told, learned, tuple(came), _Unpickler(parts[1], fitted, parts[2:]).load())

    def _read(self) -> list[memoryview]:
        """The parts of the newest lesson; none where there is none, or who learned it has ended."""
        where = os.pread(self._board, WHERE.size, 0)
        if not where:
            return []
        pid, number = WHERE.unpack(where)
        try:
            # Whatever else should have that number by now, to open it must not wait for anyone.
            file = os.open(f"/proc/{pid}/fd/{number}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return []
        try:
            parts = _parts(memoryview(mmap(file, 0, access=ACCESS_READ)))
        except (OSError, ValueError, struct.error):
            return []
        finally:
            os.close(file)
        return parts[1:] if parts and secrets.compare_digest(parts[0], self._mark) else []


def shared() -> Lessons | None:
    """A board, where the system can do that."""
    return Lessons() if sys.platform == "linux" else None


class _Pickler(pickle.Pickler):
    """Names what is the release's own, and hands large arrays over as they lie in memory."""

    def __init__(self, file: io.BytesIO, fitted: Models, callback: Any) -> None:
        super().__init__(file, protocol=5, buffer_callback=callback)
        self._known = {id(one): (name, one) for name, one in _own(fitted).items()}

    def persistent_id(self, found: Any) -> Any:
        name, _ = self._known.get(id(found), (None, None))
        return name


class _Unpickler(pickle.Unpickler):
    def __init__(self, text: memoryview, fitted: Models, parts: Sequence[memoryview]) -> None:
        super().__init__(io.BytesIO(text), buffers=parts)
        self._own = _own(fitted)

    def persistent_load(self, name: Any) -> Any:
        return self._own[name]


def _own(fitted: Models) -> dict[tuple[str, ...], Any]:
    """The models and their arrays, by names that all processes give them."""
    own: dict[tuple[str, ...], Any] = {(name,): one for name, one in fitted.items()}
    for name, one in fitted.items():
        own |= {(name, key): array for key, array in one.state.items()}
    return own


def _write(file: int, parts: Sequence[Any]) -> None:
    """Lengths first, then the parts."""
    lengths = np.array([len(parts), *(memoryview(part).nbytes for part in parts)], np.int64)
    with open(file, "wb", closefd=False) as out:
        for part in (lengths, *parts):
            out.write(part)
            out.write(b"\0" * (-out.tell() % EDGE))


def _parts(whole: memoryview) -> list[memoryview]:
    [count] = struct.unpack_from("=q", whole)
    lengths, parts, at = struct.unpack_from(f"={count}q", whole, 8), [], 8 * (count + 1)
    for length in lengths:
        at += -at % EDGE
        parts.append(whole[at : at + length])
        at += length
    return parts
