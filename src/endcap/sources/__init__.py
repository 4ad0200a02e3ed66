"""Formats of logs and catalogues: one file here is one format, named like its module.

A module offers two functions, `recognises` and `read`, as `Source` describes, and `files` where
it brings its own; dropping one into this folder adds a format, and deleting it removes nothing
else.
"""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, cast

from endcap.errors import SourceError
from endcap.importing.conform import Extract
from endcap.importing.files import open_rows
from endcap.importing.mapping import Mapping as Meaning
from endcap.importing.nested import extract
from endcap.importing.places import bring
from endcap.importing.proposing import propose
from endcap.importing.raw import THERE, Imported, Origin, add
from endcap.importing.rows import Rows
from endcap.importing.workspace import Workspace, workspace
from endcap.types import Report, silent

__all__ = [
    "Extract",
    "FilesError",
    "Given",
    "Source",
    "Wanted",
    "choose",
    "import_file",
    "import_files",
    "proposed",
    "sources",
]

SAMPLE = 1_000
"""Rows at the beginning of a file that its format is told by."""


@dataclass(frozen=True)
class Given:
    """What someone wants imported.

    name: as they typed it, a file or ``format:`` for one that brings its own data.
    rows: the rows of the file, None where the name is not that of a file.
    kind: the table it is for, None to find out.
    settings: what the format has to be told, as some do.
    mapping: what its columns mean, where someone has said so.
    """

    name: str
    rows: Rows | None
    kind: str | None
    work: Workspace
    settings: Mapping[str, str] = field(default_factory=dict)
    mapping: Meaning | None = None

    @property
    def columns(self) -> frozenset[str]:
        """The names of the file's columns; none where there is no file."""
        return frozenset(self.rows.columns if self.rows else ())

    @property
    def file(self) -> Rows:
        """The rows of the file. Raises SourceError where the name is not that of one."""
        if self.rows is None:
            raise SourceError(f"{self.name} is not a file")
        return self.rows

    def has(self, chosen: Callable[[Any], Any]) -> bool:
        """Whether a function leaves any of the file's first rows: ``rows.filter(…)``, say."""
        query = chosen(self.file.table.head(SAMPLE)).head(1).count()
        return bool(self.work.value(self.work.sql(query), of=self.name))

    def extract(
        self,
        kind: str,
        columns: Mapping[str, Any],
        table: Any = None,
        used: tuple[str, ...] = (),
    ) -> Extract:
        """What the file says for one table: see `endcap.importing.nested.extract`."""
        return extract(kind, self.file, columns, table, used)

    def wanted(self, *extracts: Extract) -> list[Extract]:
        """Those of the kind that was asked for; else those that have rows, and at least one.

        What was lost from the file is told of once. Raises SourceError where none is of the kind.
        """
        found = [one for one in extracts if self.kind in (None, one.kind)]
        if not found:
            kinds = " and ".join(one.kind for one in extracts)
            raise SourceError(f"{self.name} can't be {self.kind}", expected=kinds)
        full = [one for one in found[1:] if self._filled(one)] if found[1:] else []
        if not full or self._filled(found[0]):
            full = [found[0], *full]
        return [full[0], *(replace(one, lost={}, notes=()) for one in full[1:])]

    def _filled(self, extract: Extract) -> bool:
        one = self.work.sql(extract.rows.head(1).count())
        return bool(self.work.value(one, of=self.name))


class Source(Protocol):
    """What a module of this folder offers."""

    def recognises(self, given: Given) -> float:
        """How sure it is that this is its format, from 0 (it is not) to 1."""

    def read(self, given: Given) -> Sequence[Extract]:
        """What it holds, for one table or several. Raises SourceError."""


def sources() -> dict[str, Source]:
    """All formats by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: cast(Source, importlib.import_module(f"{__name__}.{name}")) for name in names}


@dataclass(frozen=True)
class Wanted:
    """How files are imported: what is not given is found out.

    settings: what a format has to be told. mapping: what columns mean.
    """

    kind: str | None = None
    format_: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    mapping: Meaning | None = None
    dry_run: bool = False


class FilesError(SourceError):
    """Files that could not be imported, by name."""

    def __init__(self, files: Mapping[str, SourceError]) -> None:
        self.files, (first, *others) = files, files.values()
        more = f"; nor could {len(others)} more: {', '.join([*files][1:6])}" if others else ""
        super().__init__(first.came + more, expected=first.expected, mend=first.mend)


def import_file(
    folder: Path, name: str, *, report: Report = silent, **wanted: Any
) -> list[Imported]:
    """Bring a file into the imported tables in `folder`, all of it or nothing.

    wanted: as `Wanted` has it. Raises SourceError where the file can't be read, or what it is is
    not sure.
    """
    [found] = [*import_files(folder, [name], Wanted(**wanted), report)]
    return found


def import_files(
    folder: Path, names: Iterable[str], wanted: Wanted, report: Report = silent
) -> Iterator[list[Imported]]:
    """Several files one after the other; what was imported before is looked up only once.

    A file that can't be imported does not keep the others out. Raises SourceError at the end.
    """
    failed: dict[str, SourceError] = {}
    with workspace(folder) as work:
        for name in names:
            try:
                done = _import(folder, work, name, wanted, report)
            except SourceError as error:
                failed[name] = error
            else:
                yield done
            work.clear(keep=THERE)
    if failed:
        raise FilesError(failed)


def _import(
    folder: Path, work: Workspace, name: str, wanted: Wanted, report: Report
) -> list[Imported]:
    found = bring(name, work.folder / "brought", folder, wanted.settings, report)
    report(f"Looking at {found.name}", 0.0)
    rows = _open(found.path, work, found.name) if found.path else None
    given = Given(found.name, rows, wanted.kind, work, wanted.settings, wanted.mapping)
    format_ = choose(given, "mapped" if wanted.mapping else wanted.format_)
    source = sources()[format_]
    own = getattr(source, "files", None)
    files = own(given) if own else [found.path] if found.path else []
    digest = _digest(files, wanted)
    origin = Origin(found.name, format_, digest)
    extracts = given.wanted(*source.read(given))
    done = add(folder, work, origin, extracts, dry_run=wanted.dry_run, report=report)
    if found.position and not wanted.dry_run:
        found.position.remember(folder)
    return done


def proposed(folder: Path, name: str) -> str:
    """A mapping for a file that no format is sure of, as TOML. Raises SourceError where it holds
    no rows."""
    with workspace(folder) as work:
        found = bring(name, work.folder / "brought", folder, {}, silent)
        if found.path is None:
            raise SourceError(f"{name} is not a file")
        return propose(_open(found.path, work, found.name), work, found.name)


def _open(path: Path, work: Workspace, name: str) -> Rows:
    """The rows of a file, and errors that call it what the user does."""
    try:
        return open_rows(path, work)
    except SourceError as error:
        came = error.came.replace(str(path), name)
        raise SourceError(came, expected=error.expected, mend=error.mend) from error


def choose(given: Given, format_: str | None = None) -> str:
    """The name of the format. Raises SourceError where none is sure, or two are equally so."""
    found = sources()
    if format_ is not None:
        if format_ not in found:
            raise SourceError(f"There is no format {format_!r}", expected=f"one of {[*found]}")
        return format_
    sure = {name: source.recognises(given) for name, source in found.items()}
    best = [name for name in sure if sure[name] == max(sure.values()) > 0]
    if len(best) == 1:
        return best[0]
    if best:
        raise SourceError(
            f"{given.name} may be {' or '.join(best)}", mend="Say which with --format"
        )
    columns = ", ".join(given.rows.columns[:12]) if given.rows else "no columns"
    raise SourceError(
        f"{given.name} is not in a format that Endcap knows: it has {columns}",
        expected="a first row that names the columns, an item id or a user id among them",
        mend="Say what they mean in a mapping; `endcap import --dry-run` proposes one",
    )


def _digest(files: Sequence[Path], wanted: Wanted) -> str:
    """Of the content, and of what was said of its meaning: said otherwise, it is something new."""
    digest = hashlib.sha256()
    if wanted.mapping:
        digest.update(wanted.mapping.model_dump_json().encode())
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:32]
