"""What was committed to a SQLite file moves to its place while nobody waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import func, select

from endcap.store import checkpoints
from endcap.store.checkpoints import Checkpoints
from endcap.store.events import LiveEvents, events
from tests.store.test_events import event

MB = 1 << 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "live.sqlite"


@pytest.fixture
def live(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveEvents]:
    """Whose own thread lets be, so that the test moves what is to be moved."""
    monkeypatch.setattr(checkpoints, "EVERY", 1e6)
    with closing(LiveEvents.open(path)) as opened:
        yield opened


def moving(live: LiveEvents) -> Checkpoints:
    found = live.database._checkpoints
    assert found is not None
    return found


def log_of(path: Path) -> int:
    return path.with_name("live.sqlite-wal").stat().st_size


def write(live: LiveEvents, batch: int) -> None:
    """Some 70 pages or more."""
    rows = [event(batch * 1_000 + n, f"{n * 7919 % 997}-{batch}") for n in range(500)]
    assert live.append(rows) == (500, 0)


def count(live: LiveEvents) -> int:
    return int(
        live.database.read(lambda one: one.execute(select(func.count(events.c.place))).scalar_one())
    )


def test_who_commits_moves_nothing(live: LiveEvents, path: Path) -> None:
    empty = path.stat().st_size
    for batch in range(40):
        write(live, batch)
    assert log_of(path) > 5 * MB  # more than SQLite would leave there by itself
    assert path.stat().st_size == empty
    moving(live).once()
    assert path.stat().st_size > empty + MB
    before = log_of(path)
    write(live, 40)  # which begins the log anew
    assert log_of(path) == before
    assert count(live) == 41 * 500


def test_under_load_the_log_begins_anew(
    live: LiveEvents, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "LARGE", 500)
    batches, own, move = iter(range(120)), moving(live), moving(live)._move

    def beside(how: str) -> int:
        """As somebody always reads what was before the newest batch, not all can be moved."""
        if how == "RESTART":
            return move(how)
        with live.database.engine.connect() as reading:
            reading.exec_driver_sql("BEGIN")
            reading.execute(select(func.count(events.c.place)))
            write(live, next(batches))
            return move(how)

    monkeypatch.setattr(own, "_move", beside)
    with suppress(StopIteration):
        while True:
            own.once()
    assert count(live) == 120 * 500
    written = path.stat().st_size
    assert log_of(path) < written


def test_what_somebody_reads_is_not_waited_for(
    live: LiveEvents, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "LARGE", 1)
    write(live, 0)
    with live.database.engine.connect() as reading:
        reading.exec_driver_sql("BEGIN")
        before = reading.execute(select(func.count(events.c.place))).scalar_one()
        write(live, 1)
        moving(live).once()
        write(live, 2)
        assert reading.execute(select(func.count(events.c.place))).scalar_one() == before == 500
    moving(live).once()
    held = log_of(path)
    write(live, 3)
    assert log_of(path) == held
    assert count(live) == 4 * 500
