"""Whether others made Endcap's tables and report: python -m benchmarks.same_tables FOLDER NAME…

Of pandas only the report is compared: its features are scaled in a simpler way.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

NEAR = 1e-4
"""Features may differ by so much: one counts in another order, one interpolates otherwise."""

FEATURES = {"item_features", "visitor_features"}
"""Figures of what is compared value by value, or scaled otherwise."""


def main() -> None:
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    ours = folder / "prepared" / (folder / "prepared" / "current").read_text().strip()
    for name in names:
        wrong = [*_other_figures(ours, folder / name)]
        wrong += _other_tables(ours, folder / name) if name == "polars" else []
        what = "report" if name == "pandas" else "tables, and the same report"
        other = f"{name} made others: {', '.join(wrong)}"
        print(other if wrong else f"{name} made the same {what}.")


def _other_tables(ours: Path, theirs: Path) -> Iterator[str]:
    for name in ("user", "item", "kind", "time", "part", "session"):
        if not _same(ours, theirs, "events", name, exact=True):
            yield name
    for table in (*(f"features/items-{part}" for part in (1, 2, 3, 4)), "features/visitors"):
        for name in pq.read_schema(ours / f"{table}.parquet").names:
            if not _same(ours, theirs, table, name):
                yield f"{table}: {name}"


def _other_figures(ours: Path, theirs: Path) -> Iterator[str]:
    own, their = (json.loads((one / "report.json").read_text()) for one in (ours, theirs))
    bars = own["histogram"]
    own["weeks"] = dict(zip(bars["starts"], bars["events"], strict=True))
    for name in their.keys() - FEATURES - ({"weeks"} if bars["unit"] != "week" else set()):
        if not _agree(own[name], their[name]):
            yield name


def _agree(own: Any, their: Any) -> bool:
    """Whether they say the same of what both speak of."""
    if isinstance(their, dict):
        return all(_agree(own[name], value) for name, value in their.items())
    if isinstance(their, list):
        return len(own) == len(their) and all(map(_agree, own, their))
    if isinstance(their, float):
        return math.isclose(own, their, rel_tol=NEAR, abs_tol=NEAR)
    return bool(own == their)


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
