"""Where files are: one, a folder of them, a pattern, on this machine or in a cloud's storage; or
what is brought to a file, of a database or a shop's own pages."""

from __future__ import annotations

import glob
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from endcap.errors import SourceError, words
from endcap.importing.crawl import PAUSE, is_site, read_site
from endcap.importing.database import Position, is_database, read_database
from endcap.types import Report

CLOUD = "pip install 'endcap[cloud]'"

OWN = re.compile(r"(\w+):")
"""How a format is named that brings its own data."""


@dataclass(frozen=True)
class Brought:
    """What a name stands for.

    name: for people, without the password that an address may hold.
    path: of a file on this machine, None where a format brings its own.
    position: how far a database was read.
    """

    name: str
    path: Path | None
    position: Position | None = None


def is_remote(name: str) -> bool:
    """
    >>> is_remote("s3://shop/events.parquet"), is_remote("sqlite:///shop.db"), is_remote("a:")
    (True, False, False)
    """
    return "://" in name and not is_database(name)


def expand(name: str, without: Path) -> list[str]:
    """The files that a name stands for, in order. Raises SourceError where it is none.

    without: a folder that is left out, as it holds what was imported.
    """
    if is_site(name) or is_database(name):
        return [name]  # the ? of an address is no pattern
    if is_remote(name):
        return _remote(name)
    path = Path(name)
    if path.is_dir():
        files = (one for one in path.rglob("*") if one.is_file() and not _hidden(one, path))
        found = [str(one) for one in files if without.resolve() not in one.resolve().parents]
    elif path.exists() or not glob.has_magic(name):
        return [name]
    else:
        found = [one for one in glob.glob(name, recursive=True) if Path(one).is_file()]
    return _some(found, name)


def bring(
    name: str, target: Path, folder: Path, settings: Mapping[str, str], report: Report
) -> Brought:
    """The file itself, or a copy of what is elsewhere. Raises SourceError.

    target: of a copy. folder: where it is remembered how far a database was read. settings: of
    which a shop's pages need the pause between two of them.
    """
    if OWN.fullmatch(name):
        return Brought(name, None)
    if is_database(name):
        position = read_database(name, target, folder)
        return Brought(position.name, target, position)
    if is_site(name):
        read_site(name, target, settings.get(PAUSE, ""), report)
    elif is_remote(name):
        _fetch(name, target)
    else:
        target = Path(name)
    return Brought(name, target)


def _fetch(name: str, target: Path) -> None:
    """Copy a file of a cloud's storage to this machine. Raises SourceError."""
    try:
        system, path = _system(name)
        system.get_file(path, str(target))
    except SourceError:
        raise
    # Each storage raises errors of its own.
    except Exception as error:
        raise SourceError(f"{name} cannot be read: {words(error)}") from error


def _remote(name: str) -> list[str]:
    system, path = _system(name)
    try:
        if glob.has_magic(path):
            found = system.glob(path)
        elif system.isdir(path):
            found = system.find(path)
        else:
            return [name]
    except Exception as error:
        raise SourceError(f"{name} cannot be read: {words(error)}") from error
    protocol = name.partition("://")[0]
    return _some([f"{protocol}://{one.lstrip('/')}" for one in found], name)


def _system(name: str) -> tuple[Any, str]:
    """The storage that a name is in, and the path there."""
    try:
        from fsspec.core import url_to_fs

        system, path = url_to_fs(name)
    except ImportError as error:
        raise SourceError(f"{name} needs a library that is not there", mend=CLOUD) from error
    except Exception as error:
        raise SourceError(f"{name} cannot be read: {words(error)}") from error
    return system, path


def _hidden(path: Path, below: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.relative_to(below).parts)


def _some(found: list[str], name: str) -> list[str]:
    if not found:
        raise SourceError(f"{name} stands for no file")
    return sorted(found)
