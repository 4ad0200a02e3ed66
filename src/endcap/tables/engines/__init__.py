"""What computes the expressions of `prepare`: one file is one engine.

The expressions are the same on all of them, and so are the tables that come out. What differs
by engine stands in its file and nowhere else: how files are read and written, and how a text is
hashed.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeAlias

import ibis
import ibis.expr.datatypes as dt
import pyarrow as pa
from ibis.expr.types import Table

from endcap.config import Config

Name: TypeAlias = Literal["duckdb", "spark"]


class Engine(ABC):
    """A connection that reads, computes and writes.

    failures: what it raises where it can't do it.
    hashing: its own function, and of what type its numbers are.
    """

    failures: ClassVar[tuple[type[Exception], ...]]
    hashing: ClassVar[tuple[str, dt.DataType]]

    @classmethod
    @abstractmethod
    def open(cls, folder: Path, config: Config) -> Self:
        """folder: for what does not fit in memory. Raises StateError where it can't run here."""

    @abstractmethod
    def read(self, paths: Sequence[Path]) -> Table:
        """All columns of Parquet files, with `file` and `row` (int64): the place of a row's file
        among the paths, and its own in the file, from 0. A column that a file lacks is null."""

    @abstractmethod
    def step(self, path: Path) -> Table:
        """What `write` wrote, with `row`: the place in its order, from 0."""

    @abstractmethod
    def write(self, rows: Table, path: Path, *, lasting: bool = True) -> None:
        """Write rows as Parquet, in their order where they have one.

        lasting: whether they are kept, and not read a few times and removed.
        """

    @abstractmethod
    def empty(self, schema: pa.Schema) -> Table:
        """A table without rows."""

    def hash(self, value: ibis.Value) -> ibis.Value:
        """64 bits of a text or a struct. Engines have different ones: they may decide what is
        alike, never what is stored."""
        name, kind = self.hashing
        signature = ((value.type(),), kind)
        return ibis.udf.scalar.builtin(lambda one: None, name=name, signature=signature)(value)

    def without(self, rows: Table, others: Table, key: str) -> Table:
        """The rows whose key no row of the others has, which are few."""
        return rows.anti_join(others, key)

    @abstractmethod
    def close(self) -> None:
        """Let go of what it holds."""


def open_engine(name: Name, folder: Path, config: Config) -> Engine:
    """Raises StateError where the engine can't run here."""
    folder.mkdir(parents=True, exist_ok=True)
    module: Any = importlib.import_module(f"{__name__}.{name}")
    engine: Engine = getattr(module, name.capitalize()).open(folder, config)
    return engine
