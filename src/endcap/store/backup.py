"""A copy of a shop, made while the service runs, and the way back.

    DIR/backup.json        a checksum for each file, and how many rows each table of the store has
    DIR/store.sqlite       the store, whatever database it is in
    DIR/endcap.toml, tables/, prepared/, releases/        as in the shop folder

A backup can be restored into another kind of database than the one that it was made from.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from endcap.config import FILE, Shop, alone
from endcap.errors import StateError
from endcap.store.address import SQLITE, parsed
from endcap.store.copying import copy, counts
from endcap.store.database import Database
from endcap.store.releases import checksum
from endcap.types import Report, silent

MANIFEST, STORE = "backup.json", "store.sqlite"

FOLDERS = ("tables", "prepared", "releases")
"""What of a shop folder can't be made again from the rest, or not in a moment."""


def backup(shop: Shop, target: Path, report: Report = silent) -> dict[str, Any]:
    """Copy a shop; the copy is there whole or not at all. Returns what it holds. Raises StateError
    where there is something at the target already."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise StateError(f"There is something at {target} already", expected="a new folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    try:
        # Rows must not go from the store to the tables between the copies of the two.
        with alone(shop.tables, "compaction", wait=True):
            files = dict(_copied(_files(shop.folder), shop.folder, draft, report))
            rows = _copy_store(shop, draft / STORE)
        files[STORE] = checksum(draft / STORE)
        found = {
            "files": files,
            "rows": rows,
            "created_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "version": version("endcap"),
        }
        (draft / MANIFEST).write_text(json.dumps(found, indent=1, ensure_ascii=False), "utf-8")
        _verify(draft)
        if target.exists():
            target.rmdir()
        os.replace(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return found


def restore(
    shop: Shop, source: Path, *, force: bool = False, report: Report = silent
) -> dict[str, Any]:
    """Make a shop what it was. Nothing is changed unless every file of the backup is as it was
    written. Raises StateError, and where the shop holds anything unless forced."""
    found = _verify(source)
    if not force and (there := [name for name in FOLDERS if _filled(shop.folder / name)]):
        raise StateError(
            f"{shop.folder} has {', '.join(there)} already",
            mend="Restore into another --shop, or add --force to lose what is there",
        )
    with alone(shop.tables, "compaction", wait=True):
        draft = shop.folder / ".restore"
        shutil.rmtree(draft, ignore_errors=True)
        try:
            rows = _take_over(shop, source, map(Path, found["files"]), draft, report)
        finally:  # what failed leaves no copy of the store's rows
            shutil.rmtree(draft, ignore_errors=True)
    return {**found, "rows": rows}


def _take_over(
    shop: Shop, source: Path, names: Iterable[Path], draft: Path, report: Report
) -> dict[str, int]:
    """Put the files of a backup in the place of a shop's; returns the rows of each table."""
    for _ in _copied(names, source, draft, report):
        pass
    rows = _restore_store(shop, draft / STORE)
    for name in (FILE, *FOLDERS):
        _exchange(draft / name, shop.folder / name)
    return rows


def _files(folder: Path) -> Iterator[Path]:
    """The files of a shop that matter, by their paths in it; drafts and locks do not."""
    if (folder / FILE).is_file():
        yield Path(FILE)
    for name in FOLDERS:
        for path in sorted((folder / name).rglob("*")):
            inside = path.relative_to(folder)
            if path.is_file() and not any(part.startswith(".") for part in inside.parts):
                yield inside


def _copied(
    names: Iterable[Path], source: Path, target: Path, report: Report
) -> Iterator[tuple[str, str]]:
    """Copy files, and say each one's checksum. One that is gone meanwhile is not missed: it was
    replaced by another, or is of prepared tables that no one needs any more."""
    listed = list(names)
    for number, name in enumerate(listed, start=1):
        report(f"Copying {name}", number / len(listed))
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(source / name, target / name)
        except FileNotFoundError:
            continue
        yield str(name), checksum(target / name)


def _verify(folder: Path) -> dict[str, Any]:
    """What a backup holds. Raises StateError where it is none, or not as it was written."""
    try:
        found: dict[str, Any] = json.loads((folder / MANIFEST).read_text("utf-8"))
        expected = dict(found["files"])
    except (OSError, ValueError, KeyError) as error:
        raise StateError(f"{folder} is no backup: {error}") from error
    wrong = [
        name
        for name, given in expected.items()
        if Path(name).is_absolute()
        or ".." in Path(name).parts
        or not (folder / name).is_file()
        or checksum(folder / name) != given
    ]
    if wrong:
        raise StateError(
            f"The backup {folder} is damaged: {', '.join(wrong[:3])}", mend="Take another"
        )
    return found


def _copy_store(shop: Shop, target: Path) -> dict[str, int]:
    """The rows as of one moment."""
    url = parsed(shop.live)
    if url.drivername == SQLITE:
        if not Path(url.database or "").is_file():
            target.touch()  # an empty file is an empty store
            return {}
        here = sqlite3.connect(url.database or "")
        with closing(here), closing(sqlite3.connect(target)) as there:
            here.backup(there)
    else:
        with closing(Database(shop.live)) as store, closing(Database(target)) as into:
            copy(store, into)
    with closing(Database(target)) as copied:
        return counts(copied)


def _restore_store(shop: Shop, draft: Path) -> dict[str, int]:
    """In one transaction. draft: a copy, which is brought forward first, if need be."""
    with closing(Database(draft)) as saved, closing(Database(shop.live)) as store:
        copy(saved, store)
        return counts(store)


def _filled(folder: Path) -> bool:
    return folder.is_dir() and any(not one.name.startswith(".") for one in folder.iterdir())


def _exchange(new: Path, old: Path) -> None:
    """Put a file or folder in the place of another, which goes away."""
    away = old.with_name(f".{old.name}.old")
    shutil.rmtree(away, ignore_errors=True)
    if old.exists():
        os.replace(old, away)
    if new.exists():
        os.replace(new, old)
    if away.is_file():
        away.unlink()
    shutil.rmtree(away, ignore_errors=True)
