"""Where an import works: a folder and a database that vanish when it ends."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from endcap.config import held
from endcap.errors import SourceError, StateError

PREFIX = ".import-"
MEMORY = "1GB"
DATABASE = "import.duckdb"

Rows: TypeAlias = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Workspace:
    """A DuckDB database on disk, so that tables may be larger than memory.

    con: its Ibis connection.
    folder: for files that live as long as the import.
    """

    con: Any
    folder: Path

    def table(self, name: str) -> Any:
        """An Ibis table by its name."""
        return self.con.table(name)

    def run(self, sql: str, *, of: str | Path | None = None) -> None:
        """Raises SourceError about the file `of` where DuckDB can't do it."""
        self.rows(sql, of=of)

    def rows(self, sql: str, *, of: str | Path | None = None) -> Rows:
        """All rows that a query returns; for small answers."""
        import duckdb

        try:
            return self._interruptible(lambda: self.con.raw_sql(sql).fetchall())
        except duckdb.Error as error:
            reason = str(error).partition("\n")[0].partition(": ")[2]
            if not (reason and reason.isprintable()):
                reason = "its content is damaged"
            if of is None or isinstance(error, duckdb.OutOfMemoryException):
                raise StateError(
                    f"The import ran into a limit of this machine: {reason}"
                ) from error
            raise SourceError(f"{of} cannot be read: {reason}") from error

    def _interruptible(self, work: Callable[[], Rows]) -> Rows:
        """Do it in a thread: in the main one, DuckDB hears of Ctrl-C only when it is done."""
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(work)
            try:
                return future.result()
            except KeyboardInterrupt:
                self.con.con.interrupt()
                raise

    def sql(self, expression: Any) -> str:
        """What an Ibis expression is in DuckDB's words."""
        import ibis

        fused = ibis.options.sql.fuse_selects
        try:
            # Fused, a step's expressions are repeated wherever the next one uses them.
            ibis.options.sql.fuse_selects = False
            return str(ibis.to_sql(expression, dialect="duckdb"))
        finally:
            ibis.options.sql.fuse_selects = fused

    def clear(self, keep: str) -> None:
        """Forget all tables, but those whose names begin so, and all files but the database."""
        for name, kind in self.rows("SELECT table_name, table_type FROM information_schema.tables"):
            if not name.startswith(keep):
                what = "VIEW" if kind == "VIEW" else "TABLE"
                self.run(f'DROP {what} IF EXISTS "{name}"')
        for path in self.folder.iterdir():
            if not path.name.startswith(DATABASE):
                path.unlink()

    def value(self, sql: str, *, of: str | Path | None = None) -> Any:
        """The one value that a query returns."""
        return self.rows(sql, of=of)[0][0]


@contextmanager
def workspace(folder: Path) -> Iterator[Workspace]:
    """A workspace inside a folder, on the same disk. Raises StateError where another import is
    under way."""
    import ibis

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(f"{folder} cannot be made: {error.strerror}") from error
    with importing(folder):
        place = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
        con = ibis.duckdb.connect(place / DATABASE, memory_limit=MEMORY)
        # DuckDB would draw a bar of its own, on standard output.
        con.raw_sql("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        try:
            yield Workspace(con, place)
        finally:
            con.disconnect()
            shutil.rmtree(place, ignore_errors=True)


@contextmanager
def importing(folder: Path) -> Iterator[None]:
    """Hold a folder for one import at a time; what a killed one left behind is removed. Raises
    StateError."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = StateError(f"Another import is under way in {folder}", mend="Try again when it is done")
    with held(folder, taken):
        for left in folder.glob(f"{PREFIX}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
