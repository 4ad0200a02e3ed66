"""What the service wrote down."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from endcap.config import Shop
from endcap.doctor.finding import Finding
from endcap.store.address import cause, connect, parsed, shown
from endcap.store.events import events


def check(shop: Shop) -> Finding:
    """Whether the database of live events is whole. It is only read."""
    return _file(shop.live) if isinstance(shop.live, Path) else _server(shop.live)


def _server(address: str) -> Finding:
    """Whether it answers; that it is whole is its own concern."""
    engine = connect(parsed(address))
    try:
        with engine.connect() as connection:
            count = connection.execute(select(func.count()).select_from(events)).scalar_one()
    except SQLAlchemyError as error:
        wrong = cause(error)
        said = f"{shown(address)} can't be read: {wrong}"
        return Finding("fail", said, [{"wrong": wrong}], "See to the database, then `endcap serve`")
    finally:
        engine.dispose()
    return Finding("pass", f"{shown(address)} answers, with {_events(count)}")


def _file(path: Path) -> Finding:
    if not path.is_file():
        return Finding("pass", "The service has not run yet")
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as base:
            wrong = [str(row[0]) for row in base.execute("PRAGMA quick_check(5)")]
            count = _rows(base)
    except sqlite3.Error as error:
        wrong, count = [str(error)], 0
    if wrong != ["ok"]:
        return Finding(
            "fail",
            f"{path.name} is damaged: {wrong[0]}",
            [{"wrong": one} for one in wrong],
            f"sqlite3 {path.name} .recover | sqlite3 mended.sqlite",
        )
    return Finding("pass", f"{path.name} is whole, with {_events(count)}")


def _events(count: int) -> str:
    return f"{count:,} event{'' if count == 1 else 's'}"


def _rows(base: sqlite3.Connection) -> int:
    there = base.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchone()
    return int(base.execute("SELECT count(*) FROM events").fetchone()[0]) if there else 0
