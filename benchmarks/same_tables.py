"""Whether the tables that Polars made are Endcap's: python -m benchmarks.same_tables FOLDER"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

NEAR = 1e-4
"""Features may differ by so much: one counts in another order, one interpolates otherwise."""


def main() -> None:
    folder = Path(sys.argv[1])
    ours = folder / "prepared" / (folder / "prepared" / "current").read_text().strip()
    events = ["user", "item", "kind", "time", "part", "session"]
    wrong = [
        name for name in events if not _same(ours, folder / "polars", "events", name, exact=True)
    ]
    for table in (*(f"features/items-{part}" for part in (1, 2, 3, 4)), "features/visitors"):
        names = pq.read_schema(ours / f"{table}.parquet").names
        wrong += [
            f"{table}: {name}" for name in names if not _same(ours, folder / "polars", table, name)
        ]
    print(
        f"Polars made other tables: {', '.join(wrong)}" if wrong else "Polars made the same tables."
    )


def _same(ours: Path, theirs: Path, table: str, name: str, *, exact: bool = False) -> bool:
    one, other = (
        pq.read_table(folder / f"{table}.parquet", columns=[name])[name].to_numpy()
        for folder in (ours, theirs)
    )
    if exact:
        return bool(np.array_equal(one, other))
    return len(one) == len(other) and bool(np.allclose(one, other, atol=NEAR))


if __name__ == "__main__":
    main()
