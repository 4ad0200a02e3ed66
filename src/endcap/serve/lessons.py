"""What one of several processes has learned, for all of them.

Each could learn for itself and would come to the same. But what follows from a lesson, the
neighbours of all items say, would then be in memory as often as there are processes, and be worked
out as often, while visitors wait. So one that answers nobody learns, the teacher, and puts its
models where the others read them: in memory that has no name, in which nobody changes what others
read, and which is gone with the last who reads it.

    mark │ length │ head, as JSON: where each array begins │ array │ array │ …

A model is arrays here as it is in a release.
"""

from __future__ import annotations

import json
import os
import secrets
import struct
import sys
from collections.abc import Mapping, Sequence
from mmap import ACCESS_COPY, mmap
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from endcap.stages import Retriever

Models: TypeAlias = Mapping[str, Retriever[Any]]

WHERE = struct.Struct("=qq")
"""On the board: the process that teaches, and the number that the file of its newest lesson has
there; 0 for both where each has to learn for itself."""

LENGTH = struct.Struct("=q")

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

    Each lesson carries a mark that only they know, as its number may long be another's file.

    teaching: whether it is this process that learns for all.
    """

    def __init__(self) -> None:
        self._board, self._mark = os.memfd_create("endcap-board"), secrets.token_bytes(EDGE)
        self._told: int | None = None
        self.teaching = False

    @property
    def given_up(self) -> bool:
        """Whether each has to learn for itself."""
        return os.pread(self._board, WHERE.size, 0) == WHERE.pack(0, 0)

    def give_up(self) -> None:
        """Have each learn for itself."""
        os.pwrite(self._board, WHERE.pack(0, 0), 0)

    def tell(self, lesson: Lesson, fitted: Models) -> None:
        """Have the others read what this process has learned.

        fitted: the release's own models. What a lesson has left as it was is named, not copied:
        everyone has it.
        """
        models: dict[str, dict[str, Any]] = {}
        parts, at = [], 0
        for name, one in lesson.models.items():
            models[name], known = {}, fitted[name].arrays
            own = {id(array): key for key, array in known.items()}
            for key, array in one.arrays.items():
                if id(array) in own:
                    models[name][key] = own[id(array)]
                    continue
                models[name][key] = array.dtype.str, array.shape, at
                parts.append(array)
                at += _edge(array.nbytes)
        head = json.dumps([lesson.release, lesson.learned, lesson.came, models]).encode()
        self._show(_written([self._mark, LENGTH.pack(len(head)), head, *parts]))

    def newest(self, release: str, after: int, fitted: Models) -> Lesson | None:
        """The newest lesson, if it is one for the release's models that goes beyond event `after`.
        Its arrays are read where they are; who changes one changes it for themselves."""
        whole = self._read()
        if whole is None:
            return None
        [length] = LENGTH.unpack_from(whole, EDGE)
        told, learned, came, models = json.loads(whole[2 * EDGE : 2 * EDGE + length])
        if told != release or learned <= after:
            return None
        first = 2 * EDGE + _edge(length)
        taught = {
            name: _taught(fitted[name], whole, first, places) for name, places in models.items()
        }
        return Lesson(told, learned, tuple(came), taught)

    def _show(self, file: int) -> None:
        os.pwrite(self._board, WHERE.pack(os.getpid(), file), 0)
        if self._told is not None:
            os.close(self._told)
        self._told = file

    def _read(self) -> mmap | None:
        """The newest lesson; None where there is none, or who learned it has ended."""
        where = os.pread(self._board, WHERE.size, 0)
        if not where:
            return None
        pid, number = WHERE.unpack(where)
        try:
            # Whatever else should have that number by now, to open it must not wait for anyone.
            file = os.open(f"/proc/{pid}/fd/{number}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            whole = mmap(file, 0, access=ACCESS_COPY)
        except (OSError, ValueError):
            return None
        finally:
            os.close(file)
        return whole if secrets.compare_digest(whole[:EDGE], self._mark) else None


def shared() -> Lessons | None:
    """A board, where the system has such memory."""
    return Lessons() if sys.platform == "linux" else None


def _taught(
    fitted: Retriever[Any], whole: mmap, first: int, places: Mapping[str, Any]
) -> Retriever[Any]:
    """The model of a lesson. places: of its arrays, from `first` on, or names of fitted ones."""
    own = fitted.arrays
    arrays = {
        key: own[place]
        if isinstance(place, str)
        else np.ndarray(tuple(place[1]), place[0], whole, first + place[2])
        for key, place in places.items()
    }
    return fitted.taught(arrays)


def _written(parts: Sequence[Any]) -> int:
    """A file in memory that holds the parts."""
    file = os.memfd_create("endcap-lesson")
    with open(file, "wb", closefd=False) as out:
        for part in parts:
            out.write(np.ascontiguousarray(part).data if isinstance(part, np.ndarray) else part)
            out.write(b"\0" * (-out.tell() % EDGE))
    return file


def _edge(length: int) -> int:
    return length + -length % EDGE
