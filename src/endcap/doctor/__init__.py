"""`endcap doctor`: whether everything is as it should be, and how to mend what is not.

A check is one file in `setup` or in `data`, and its name is the file's: a function `check`, and a
docstring whose first line is the check's title. It is found by walking; nothing else names it.
"""

from __future__ import annotations

import importlib
import pkgutil
import shutil
from collections.abc import Callable
from types import ModuleType
from typing import Any

import duckdb

from endcap.config import Shop, alone
from endcap.doctor import data, setup
from endcap.doctor.finding import Finding
from endcap.doctor.log import Log
from endcap.errors import DataError, EndcapError, words
from endcap.tables.imported import files
from endcap.tables.prepare.checks import STATUSES, worst
from endcap.types import Report, silent


def examine(shop: Shop, *, deep: bool = False, report: Report = silent) -> dict[str, Any]:
    """The answers of all checks, ready for JSON, and the worst of their statuses.

    deep: whether to look at every imported row too.
    """
    found = _walk(setup, lambda check: check(shop), report)
    if deep:
        found += _of_data(shop, report)
    statuses = [one["status"] for one in found]
    counts = {status: statuses.count(status) for status in STATUSES}
    return {"shop": shop.config.name, "status": worst(*statuses), "counts": counts, "checks": found}


def _of_data(shop: Shop, report: Report) -> list[dict[str, Any]]:
    if not files(shop.tables, "events"):
        nothing = Finding("warn", "No events have been imported", repair="endcap import FILE")
        return [nothing.named("events", "The log", "data")]
    folder = shop.folder / ".doctor"
    with alone(folder, "doctor"):
        try:
            report("Reading the log", 0.0)
            log = Log.of(shop, folder)
            return _walk(data, lambda check: check(log), report)
        except (DataError, duckdb.Error) as error:
            broken = Finding("fail", f"The log can't be read: {words(error)}")
            return [broken.named("log", "The log", "data")]
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _walk(
    folder: ModuleType, ask: Callable[[Callable[[Any], Finding]], Finding], report: Report
) -> list[dict[str, Any]]:
    """What the checks of a folder say, in the order of their names."""
    names = sorted(module.name for module in pkgutil.iter_modules(folder.__path__))
    group, found = folder.__name__.rpartition(".")[2], []
    for place, name in enumerate(names):
        module = importlib.import_module(f"{folder.__name__}.{name}")
        title = str(module.__doc__).strip().splitlines()[0].rstrip(".")
        report(title, place / len(names))
        found.append(_asked(ask, module).named(name, title, group))
    return found


def _asked(ask: Callable[[Any], Finding], module: ModuleType) -> Finding:
    """A check that can't be done does not take the others down."""
    try:
        return ask(module.check)
    except (EndcapError, OSError, ValueError, duckdb.Error) as error:
        return Finding("fail", f"This could not be looked at: {words(error)}")
