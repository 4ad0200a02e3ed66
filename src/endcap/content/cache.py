"""Vectors that are kept on disk, so that content is encoded once."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from endcap.errors import SourceError
from endcap.stages import Encoder
from endcap.types import Floats

PATIENCE = 60.0
"""Seconds to wait for another process that writes into the same file."""

TABLE = "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID"


class Cache:
    """One SQLite file for one encoder with one set of settings, arrays and weights.

    A transaction for each batch: what a killed run has done so far is there for the next one,
    and no vector is ever half there. A file that is damaged is begun anew.
    """

    def __init__(self, path: Path | None, dim: int) -> None:
        """path: where it is kept; None keeps nothing."""
        self.path, self.dim = path, dim

    @classmethod
    def of(cls, folder: Path | None, encoder: Encoder[Any], weights: str, dim: int) -> Cache:
        """weights: the checksum of those that it uses beside its own arrays."""
        name = f"{type(encoder).__name__.lower()}-{fingerprint(encoder, weights)[:16]}.sqlite"
        return cls(folder / name if folder else None, dim)

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Floats]:
        """The vectors that are there already, by their keys."""
        marks = ",".join("?" * len(keys))
        question = f"SELECT key, vector FROM vectors WHERE key IN ({marks})"  # noqa: S608
        return {
            key: np.frombuffer(vector, "<f4").astype(np.float32)
            for key, vector in self._run(question, [keys])
            if len(vector) == 4 * self.dim
        }

    def put(self, keys: Iterable[bytes], vectors: Iterable[Floats]) -> None:
        rows = [(key, row.astype("<f4").tobytes()) for key, row in zip(keys, vectors, strict=True)]
        self._run("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)

    def _run(self, statement: str, rows: Iterable[Sequence[Any]]) -> list[tuple[Any, ...]]:
        """What the statement answers to all rows. Raises SourceError where there is no writing."""
        if self.path is None:
            return []
        try:
            return self._try(self.path, statement, rows)
        except sqlite3.OperationalError as error:
            raise SourceError(
                f"{self.path} cannot be used: {error}",
                mend="Make room, or give a folder that can be written to",
            ) from error
        except sqlite3.DatabaseError:
            self.path.unlink(missing_ok=True)
            return self._try(self.path, statement, rows)

    @staticmethod
    def _try(path: Path, statement: str, rows: Iterable[Sequence[Any]]) -> list[tuple[Any, ...]]:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=PATIENCE)) as database, database:
            database.execute(TABLE)
            return [found for row in rows for found in database.execute(statement, row).fetchall()]


def fingerprint(encoder: Encoder[Any], weights: str) -> str:
    """The same for encoders that say the same: by class, settings, arrays, weights, and the
    version of Endcap, as another may read content otherwise."""
    kind = type(encoder)
    named = f"{kind.__module__}:{kind.__qualname__} {version('endcap')} {weights} "
    digest = hashlib.sha256(named.encode())
    digest.update(encoder.settings.model_dump_json().encode())
    for name in sorted(encoder.state):
        array = np.ascontiguousarray(encoder.state[name])
        digest.update(f"{name} {array.dtype} {array.shape} ".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
