"""A table of any SQL database, as a file of rows; the next time only what is newer.

    sqlite:///shop.db?table=orders&cursor=id      postgresql://me@host/shop?table=public.orders

Rows are read in the order of the cursor, a column that grows: the primary key where none is
named. The newest value is remembered in the shop folder, and the next import begins there: with
that value again, not after it, as more rows may have come with the same time. What is there
already counts as a duplicate.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

from endcap.errors import SourceError, words
from endcap.tables.atomic import replace

DIALECTS = ("sqlite", "postgresql", "mysql", "mariadb", "mssql", "oracle")
BATCH = 50_000
FILE = "cursors.json"


def is_database(name: str) -> bool:
    """
    >>> is_database("postgresql+psycopg://host/shop?table=orders"), is_database("s3://shop/a.csv")
    (True, False)
    """
    return "://" in name and name.partition(":")[0].partition("+")[0] in DIALECTS


@dataclass(frozen=True)
class Position:
    """How far a table has been read.

    name: the table, by its address without the password. newest: None where nothing grows.
    """

    name: str
    newest: Any

    def remember(self, folder: Path) -> None:
        if self.newest is None:
            return
        known = {**_positions(folder), self.name: _written(self.newest)}
        replace(folder / FILE, json.dumps(known, indent=1, ensure_ascii=False))


def read_database(address: str, target: Path, folder: Path) -> Position:
    """Write the new rows of a table to a Parquet file. Raises SourceError.

    folder: where positions are remembered.
    """
    import sqlalchemy as sa

    with _open(address) as (engine, url, options):
        table, schema = _table(engine, options, str(url))
        cursor = _cursor(engine, table, schema, options.get("cursor"))
        name = f"{url.render_as_string(hide_password=True)} {options['table']} {cursor or ''}"
        rows = sa.select(sa.text("*")).select_from(sa.table(table, schema=schema))
        if cursor:
            column: Any = sa.column(cursor)
            since = _read(_positions(folder).get(name))
            rows = rows if since is None else rows.where(column >= since)
            rows = rows.order_by(column)
        with engine.connect().execution_options(yield_per=BATCH) as connection:
            return Position(name, _write(connection.execute(rows), cursor, target))


@contextmanager
def _open(address: str) -> Iterator[tuple[Any, Any, dict[str, str]]]:
    """The database, its address, and what stands after the question mark for us."""
    import sqlalchemy as sa

    shown = address.partition("?")[0]
    try:
        url = sa.make_url(address)
        shown = url.set(query={}).render_as_string(hide_password=True)
        options = {key: str(url.query[key]) for key in ("table", "cursor") if key in url.query}
        url = url.difference_update_query(["table", "cursor"])
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
            raise SourceError(f"There is no file {url.database}")
        engine = sa.create_engine(url)
        try:
            yield engine, url, options
        finally:
            engine.dispose()
    except ModuleNotFoundError as error:
        raise SourceError(
            f"{shown} needs the driver {error.name}", mend=f"pip install {error.name}"
        ) from error
    except (sa.exc.SQLAlchemyError, ValueError) as error:
        raise SourceError(f"{shown} cannot be read: {words(error)}") from error


def _table(engine: Any, options: dict[str, str], shown: str) -> tuple[str, str | None]:
    import sqlalchemy as sa

    schema, _, table = options.get("table", "").rpartition(".")
    inspector = sa.inspect(engine)
    if table and inspector.has_table(table, schema=schema or None):
        return table, schema or None
    names = sorted((*inspector.get_table_names(), *inspector.get_view_names()))
    raise SourceError(
        f"The database has no table {options.get('table', '')!r}",
        expected=f"one of {', '.join(names) or 'none: it is empty'}",
        mend="Name it at the end of the address: ?table=NAME",
    )


def _cursor(engine: Any, table: str, schema: str | None, wanted: str | None) -> str | None:
    """The column that was asked for, else the primary key, if it is one column."""
    import sqlalchemy as sa

    inspector = sa.inspect(engine)
    if wanted is None:
        key = inspector.get_pk_constraint(table, schema)["constrained_columns"]
        return str(key[0]) if len(key) == 1 else None
    names = [str(column["name"]) for column in inspector.get_columns(table, schema)]
    if wanted not in names:
        raise SourceError(
            f"{table} has no column {wanted!r}", expected=f"one of {', '.join(names)}"
        )
    return wanted


def _write(result: Any, cursor: str | None, target: Path) -> Any:
    """Write all rows as text; the cursor's value in the last of them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = list(result.keys())
    schema = pa.schema([pa.field(name, pa.string()) for name in names])
    newest = None
    with pq.ParquetWriter(target, schema) as writer:
        for rows in result.partitions(BATCH):
            columns = zip(*rows, strict=True)
            arrays = [pa.array(_texts(column), pa.string()) for column in columns]
            writer.write_table(pa.table(arrays, schema))
            newest = _last(rows, names.index(cursor), newest) if cursor in names else None
    return newest


def _last(rows: Sequence[Any], place: int, before: Any) -> Any:
    """The last value of a column; some databases put rows without one behind all others."""
    return next((row[place] for row in reversed(rows) if row[place] is not None), before)


def _texts(column: Iterable[Any]) -> list[str | None]:
    return [None if value is None else _text(value) for value in column]


def _text(value: Any) -> str:
    """As a file would have it, so that it is understood in the same way."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("utf-8", errors="replace")
    return str(value)


def _positions(folder: Path) -> dict[str, Any]:
    path = folder / FILE
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    except ValueError as error:
        raise SourceError(
            f"{path} is damaged: {error}", mend="Remove it, and databases are read from the start"
        ) from error
    return found


KINDS: Mapping[str, tuple[type, Callable[[str], Any]]] = MappingProxyType(
    {
        "time": (datetime, datetime.fromisoformat),
        "day": (date, date.fromisoformat),
        "number": (Decimal, Decimal),
    }
)
"""What JSON has no word for, by ours: a database compares a column with a value of its own type
only. A time is a day too, so it stands first."""


def _written(value: Any) -> Any:
    for name, (kind, _) in KINDS.items():
        if isinstance(value, kind):
            return {name: str(value)}
    return value if isinstance(value, int | float | str) else str(value)


def _read(value: Any) -> Any:
    """What `_written` wrote."""
    if not isinstance(value, dict):
        return value
    ((name, text),) = value.items()
    return KINDS[name][1](text)
