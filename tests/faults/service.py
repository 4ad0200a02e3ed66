"""A service in processes of its own, visitors who never stop, and what became of both."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from sqlalchemy import select

from endcap.config import Shop
from endcap.store.events import LiveEvents, events
from tests.cli.test_service import answering, children

SERVE = "import sys; from endcap.cli.app import run; sys.exit(run(['serve', *sys.argv[1:]]))"

PATIENCE = 120.0
"""Seconds until a visitor gives up, and a test with them."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


class Service:
    """`endcap serve` of a shop, always at the same address."""

    def __init__(self, shop: Path, workers: int = 1, **environment: str) -> None:
        self.shop, self.workers, self.port = shop, workers, free_port()
        self.environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
        self.log = Path(tempfile.mkstemp(prefix="service-", suffix=".log")[1])
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns as soon as the process is there; whoever asks waits."""
        command = [sys.executable, "-c", SERVE, "--shop", str(self.shop)]
        options = ["--port", str(self.port), "--workers", str(self.workers)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603
                [*command, *options], stderr=log, env=self.environment, start_new_session=True
            )

    def wait(self) -> None:
        """Until recommendations are answered."""
        wait_for(lambda: self.get("/readyz") == 200, self.told)

    def get(self, path: str) -> int:
        try:
            return httpx.get(f"{self.address}{path}", timeout=10).status_code
        except httpx.TransportError:
            return 0

    def ready(self) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self.address}/readyz", timeout=10).json()
        return found

    def told(self) -> str:
        """What the service has written to its log."""
        return self.log.read_text(errors="replace")

    def pids(self) -> list[int]:
        """Of the processes that the first one keeps, oldest first."""
        assert self.process is not None
        return children(self.process.pid)

    def worker_pids(self) -> list[int]:
        """Of those of them that answer."""
        assert self.process is not None
        return answering(self.process.pid)

    def kill(self) -> None:
        """All of it, at once; returns when nothing of it is left."""
        assert self.process is not None
        pids = self.pids()
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        wait_for(lambda: all(map(_over, pids)))

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)


def _over(pid: int) -> bool:
    """Whether a process has closed all its files: its last thread does."""
    try:
        threads = [*Path(f"/proc/{pid}/task").iterdir()]
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return True
    return state in "ZX" and len(threads) == 1


@contextmanager
def served(shop: Path, workers: int = 1, **environment: str) -> Iterator[Service]:
    service = Service(shop, workers, **environment)
    service.start()
    try:
        service.wait()
        yield service
    finally:
        if service.process is not None and service.process.poll() is None:
            service.kill()
        service.log.unlink()


def wait_for(what: Any, told: Any = lambda: "") -> None:
    """Until something is so."""
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, told()
        time.sleep(0.05)


@dataclass
class Load:
    """Visitors who ask for recommendations and send events, and try again where a connection is
    lost, as the client of a shop does. Each event has an id, so sending it twice is harmless. They
    have bought nothing, so there always is something to show.

    answered: recommendations that came. refused: other answers to such a question, by status.
    acknowledged: ids of the events that were said to be kept; turned_away: answers to events by
    their status where they were not. slowest: seconds that a recommendation took, tries included.
    """

    address: str
    visitors: int = 4
    answered: int = 0
    refused: Counter[int] = field(default_factory=Counter)
    acknowledged: set[str] = field(default_factory=set)
    turned_away: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    troubles: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._done, self._lock = threading.Event(), threading.Lock()
        self._threads = [
            threading.Thread(target=self._visit, args=(number,)) for number in range(self.visitors)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()
        if kind is None:
            assert not self.troubles, self.troubles[:3]

    def more(self, answers: int = 20) -> None:
        """Wait until so many more questions were answered."""
        before = self.answered
        wait_for(lambda: self.answered >= before + answers or self.troubles, self._said)

    def _said(self) -> str:
        return f"{self.answered} answered, {self.refused}, {self.turned_away}"

    def _visit(self, number: int) -> None:
        count = 0
        with httpx.Client(base_url=self.address, timeout=30) as client:
            while not self._done.is_set():
                count += 1
                try:
                    self._act(client, f"v{number}-{count}", f"visitor-{number}")
                    self._ask(client, f"visitor-{number}")
                except Exception as error:
                    self.troubles.append(f"{type(error).__name__}: {error}")
                    return

    def _ask(self, client: httpx.Client, user: str) -> None:
        began = time.monotonic()
        answer = self._answer(client, "/v1/recommend", {"user_id": user, "n": 5})
        with self._lock:
            if answer.status_code == 200 and answer.json()["items"]:
                self.answered += 1
            else:
                self.refused[answer.status_code] += 1
            self.slowest = max(self.slowest, time.monotonic() - began)

    def _act(self, client: httpx.Client, id_: str, user: str) -> None:
        event = {"event_id": id_, "event_type": "view", "user_id": user, "item_id": "item-01"}
        answer = self._answer(client, "/v1/events", event)
        with self._lock:
            if answer.status_code == 202:
                assert answer.json()["accepted"] + answer.json()["duplicates"] == 1
                self.acknowledged.add(id_)
            else:
                self.turned_away[answer.status_code] += 1
                if answer.status_code == 503:
                    assert answer.headers["content-type"] == "application/problem+json"
                    assert int(answer.headers["retry-after"]) >= 1

    def _answer(self, client: httpx.Client, path: str, body: Any) -> httpx.Response:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return client.post(path, json=body)
            except httpx.TransportError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)


def lost(shop: Path, acknowledged: set[str]) -> set[str]:
    """The acknowledged events that are not in the store."""
    with closing(LiveEvents.open(Shop.open(shop).live)) as live:
        query = select(events.c.event_id)
        return acknowledged - set(live.database.read(lambda found: found.scalars(query).all()))
