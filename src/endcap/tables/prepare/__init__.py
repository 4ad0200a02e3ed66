"""`endcap prepare`: from what was imported to what models learn from.

prepared/
  .lock                  held by the one `prepare` that is at work
  .<fingerprint>/        its draft; an interrupted one is gone on with
  <fingerprint>/         finished tables; they appear whole or not at all
  current                names the valid ones
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from endcap.config import Config, Shop, alone
from endcap.errors import StateError
from endcap.tables.atomic import replace, sync
from endcap.tables.engines import Name, open_engine
from endcap.tables.imported import files
from endcap.tables.prepare.line import line
from endcap.tables.prepare.memory import check_memory
from endcap.types import Report, silent

SETTINGS = ("clean", "events", "split")
"""The groups of settings that decide what the prepared tables hold."""

FOOTER = 1 << 16


def prepare(shop: Shop, report: Report = silent, engine: Name = "duckdb") -> dict[str, Any]:
    """Prepare the tables of a shop, and return the data report.

    The same tables and settings as before cost nothing, whichever engine they were made by: the
    tables are the same. Raises DataError where nothing is left to learn from, and StateError where
    nothing was imported, the engine can't run here, or another `prepare` is at work.
    """
    if not files(shop.tables, "events"):
        raise StateError("No events have been imported", mend="Run `endcap import FILE` first")
    with alone(shop.prepared, "prepare"):
        name = fingerprint(shop)
        folder = shop.prepared / name
        if not folder.is_dir():
            check_memory(shop)
            draft = shop.prepared / f".{name}-{engine}"
            _clear(shop.prepared, keep=(draft.name, current(shop.prepared)))
            with _interruptible(), closing(open_engine(engine, draft, shop.config)) as opened:
                line(shop, opened, draft, name, report)
            for left in ("steps", "spill"):
                shutil.rmtree(draft / left, ignore_errors=True)
            for path in (draft, *draft.rglob("*")):
                sync(path)  # else a power cut may leave tables that are named and empty
            os.replace(draft, folder)
        point(shop.prepared, name)
        _clear(shop.prepared, keep=(name,))
    return read_report(folder)


def read_report(folder: Path) -> dict[str, Any]:
    """The data report of a prepared folder."""
    report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return report


def prepared(shop: Shop) -> Path:
    """The folder of the valid prepared tables. Raises StateError where there is none."""
    name = current(shop.prepared)
    if not name or not (shop.prepared / name).is_dir():
        raise StateError("There are no prepared tables", mend="Run `endcap prepare` first")
    return shop.prepared / name


def current(folder: Path) -> str:
    """The name of the valid prepared tables, empty where there are none."""
    pointer = folder / "current"
    return pointer.read_text().strip() if pointer.is_file() else ""


def fingerprint(shop: Shop) -> str:
    """Of the imported files, the settings that matter and this package's way of preparing."""
    seen = hashlib.sha256()
    for table in ("events", "items", "users", "merges", "triples"):
        for path in files(shop.tables, table):
            seen.update(f"{table}/{path.name} {path.stat().st_size}\n".encode())
            seen.update(_end(path))
    seen.update(_settings(shop.config).encode())
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        seen.update(path.read_bytes())
    return seen.hexdigest()[:16]


def _settings(config: Config) -> str:
    """What an event says is a matter of `fit`, so its weights leave the tables as they are."""
    return config.model_dump_json(include=set(SETTINGS), exclude={"events": {"weights"}})


def _end(path: Path) -> bytes:
    """The last bytes of a Parquet file: counts, sizes and statistics of all columns, which
    tell two files apart without reading them whole.
    """
    with path.open("rb") as file:
        file.seek(-min(FOOTER, path.stat().st_size), os.SEEK_END)
        return file.read()


@contextmanager
def _interruptible() -> Iterator[None]:
    """DuckDB answers Ctrl-C with an error of its own; from here on it is Ctrl-C again."""
    try:
        yield
    except RuntimeError as error:
        if "interrupted" in str(error).lower():
            raise KeyboardInterrupt from error
        raise


def point(folder: Path, name: str) -> None:
    """Say which prepared tables are valid, or that those it names are other ones now."""
    replace(folder / "current", f"{name}\n")


def _clear(folder: Path, keep: tuple[str, ...]) -> None:
    """Remove drafts and prepared tables that nobody needs any more."""
    for path in folder.iterdir():
        if path.is_dir() and path.name not in keep:
            shutil.rmtree(path)
