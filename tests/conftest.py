"""What holds for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.store.postgres import Postgres

# A program of its own, for `make fuzz`: what it needs is not installed for tests.
collect_ignore = ["sources/fuzz.py"]

# How long an example takes depends on what else the machine does, so it decides nothing.
settings.register_profile("endcap", deadline=None)
settings.load_profile("endcap")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for all tests of a process."""
    from tests.store.postgres import running

    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """An empty store of each kind: a file, or the address of a database."""
    if request.param == "sqlite":
        return tmp_path / "live.sqlite"
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()
