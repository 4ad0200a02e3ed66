"""The sample files in `tests/data`, made after each format's specification, and their import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from endcap.importing.raw import Imported
from endcap.sources import import_file

DATA = Path(__file__).parents[1] / "data"


@dataclass(frozen=True)
class Shop:
    """What an import left: the counts by table, and the rows."""

    folder: Path
    found: dict[str, Imported]

    @property
    def formats(self) -> set[str]:
        return {one.origin.format for one in self.found.values()}

    def rows(self, kind: str, *columns: str) -> list[tuple[Any, ...]]:
        """The stored rows of a table, as tuples of these columns."""
        parts = map(pq.read_table, sorted((self.folder / kind).glob("*.parquet")))
        table = pa.concat_tables(parts, promote_options="default")
        return [tuple(row.values()) for row in table.select(columns).to_pylist()]

    def counts(self, kind: str) -> tuple[int, int, dict[str, int]]:
        """Rows kept, duplicates, and dropped by reason."""
        one = self.found[kind]
        return one.kept, one.duplicates, dict(one.dropped)


def take(folder: Path, name: str | Path, **options: Any) -> Shop:
    """Import a sample (by its name) or a file (by its path), with no option unless given."""
    found = import_file(folder / "tables", str(DATA / name), **options)
    return Shop(folder / "tables", {one.extract.kind: one for one in found})
