"""What was imported."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from endcap.config import Shop
from endcap.doctor.finding import Finding
from endcap.errors import words
from endcap.tables.imported import files
from endcap.tables.schema import TABLES


def check(shop: Shop) -> Finding:
    """Whether every file can be read and has the columns of its table."""
    counts, broken = dict.fromkeys(TABLES, 0), []
    for name in TABLES:
        for path in files(shop.tables, name):
            rows, wrong = _looked_at(path, name)
            counts[name] += rows
            broken += [{"file": str(path.relative_to(shop.folder)), "wrong": wrong}] * bool(wrong)
    if broken:
        names = " ".join(str(one["file"]) for one in broken)
        return Finding(
            "fail",
            f"{len(broken):,} imported files can't be read",
            broken[:5],
            f"rm {names}  # then import them again",
        )
    if not counts["events"]:
        return Finding("warn", "No events have been imported", repair="endcap import FILE")
    return Finding("pass", ", ".join(f"{rows:,} {name}" for name, rows in counts.items() if rows))


def _looked_at(path: Path, name: str) -> tuple[int, str]:
    """Its rows, and what is wrong with it."""
    try:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                file.read_row_group(group, columns=file.schema_arrow.names[:1])
            missing = {TABLES[name].names[0]} - {*file.schema_arrow.names}
            wrong = f"has no {', '.join(sorted(missing))}" if missing else ""
            return file.metadata.num_rows, wrong
    except (OSError, pa.ArrowException) as error:
        return 0, words(error)
