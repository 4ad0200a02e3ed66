"""What the service wrote down."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from endcap.config import Shop
from endcap.doctor.finding import Finding


def check(shop: Shop) -> Finding:
    """Whether the database of live events is whole. It is only read."""
    if not shop.live.is_file():
        return Finding("pass", "The service has not run yet")
    try:
        with closing(sqlite3.connect(f"{shop.live.as_uri()}?mode=ro", uri=True)) as base:
            wrong = [str(row[0]) for row in base.execute("PRAGMA quick_check(5)")]
            events = _rows(base, "events")
    except sqlite3.Error as error:
        wrong, events = [str(error)], 0
    if wrong != ["ok"]:
        return Finding(
            "fail",
            f"{shop.live.name} is damaged: {wrong[0]}",
            [{"wrong": one} for one in wrong],
            f"sqlite3 {shop.live.name} .recover | sqlite3 mended.sqlite",
        )
    return Finding("pass", f"{shop.live.name} is whole, with {events:,} events")


def _rows(base: sqlite3.Connection, table: str) -> int:
    there = base.execute("SELECT count(*) FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    if not there[0]:
        return 0
    return int(base.execute("SELECT count(*) FROM events").fetchone()[0])
