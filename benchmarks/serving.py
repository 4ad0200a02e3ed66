"""Requests a second of the service, and what they wait, beside the same service when it answers
the same to everyone.

    python -m benchmarks.serving [--items 100000] [--workers 2] [--seconds 10] [--events]

Makes a synthetic shop with a sequence network, three retrievers, a ranker and rules (see
benchmarks/served_shop.py), serves it, and asks from a process of its own on the same machine. So
on a machine of two cores the one that asks takes its part of them.

- rate: answers a second; p50, p99: milliseconds until an answer has come;
- of the floor: the rate beside that of an endpoint that reads and checks the same request and
  answers ten items that it has ready;
- ms of CPU: of all processes of the service, for each answer: the one figure that other work on the
  machine hardly changes.

Then where the time of an answer goes, stage by stage, as one of the workers says at /metrics: its
share of what was answered together.

With `--events` events are sent too, in batches and alone, while recommendations go on: as fast as
they are taken, and 50 batches or 500 events a second, which says what those wait who send as much
and no more.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self

from benchmarks.child import ROOT, run
from benchmarks.markdown import table

TICKS = os.sysconf("SC_CLK_TCK")

ASKING = (1, 16, 32, 64)
"""Connections, each of which asks again as soon as it is answered."""

EVENTS = (
    ("batches of 100", "events", 4, None),
    ("batches of 100, 50 a second", "events", 4, 50.0),
    ("one event", "event", 16, None),
    ("one event, 500 a second", "event", 16, 500.0),
)
"""What is sent while recommendations go on: how it is called, from where, by how many, how often a
second."""

TOGETHER = "endcap_answered_together"

STAGE = re.compile(
    r'(?:endcap_stage_seconds_sum\{stage="(\w+)"\}|(' + TOGETHER + r"_(?:sum|count))) (\S+)"
)

TITLES = ("", "rate", "of the floor", "p50", "p99", "ms of CPU", "errors")


@dataclass(frozen=True)
class Server:
    """A running service. address: host and port."""

    address: str
    process: subprocess.Popen[str]

    @property
    def processes(self) -> list[int]:
        """Of the service: the first, and those that it has begun."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def cpu(self) -> float:
        """Seconds that all of them have used so far."""
        return sum(_cpu(pid) for pid in self.processes)


class Worker:
    """What one of the workers says of the stages of its answers.

    It is asked again and again by one connection: which of them answers another is chance, and one
    at rest is cut.
    """

    def __init__(self, address: str) -> None:
        self._connection = HTTPConnection(address)
        self._asking, self._through = threading.Lock(), threading.Event()
        self.found: dict[str, dict[str, float]] = {}

    @classmethod
    @contextmanager
    def of(cls, server: Server) -> Iterator[Self]:
        worker = cls(server.address)
        thread = threading.Thread(target=worker._stay)
        thread.start()
        try:
            yield worker
        finally:
            worker._through.set()
            thread.join()
            worker._connection.close()

    @contextmanager
    def watched(self, name: str) -> Iterator[None]:
        """Milliseconds of each stage for an answer, and how many were answered together."""
        before = self._told()
        yield
        spent = {key: value - before.get(key, 0.0) for key, value in self._told().items()}
        answers, groups = (spent.pop(f"{TOGETHER}_{key}") for key in ("sum", "count"))
        if answers:  # by chance another has answered all that one connection asked
            stages = {stage: 1e3 * seconds / answers for stage, seconds in spent.items()}
            self.found[name] = {**stages, "together": answers / groups}

    def table(self) -> str:
        last = list(self.found.values())[-1]
        names = sorted(last, key=lambda name: (name == "together", -last[name]))
        rows = [
            [name, *(f"{one.get(name, 0):.2f}" for one in self.found.values())] for name in names
        ]
        return table(["ms of a stage for an answer", *self.found], rows)

    def _stay(self) -> None:
        while not self._through.wait(1.0):
            self._told()

    def _told(self) -> dict[str, float]:
        with self._asking:
            self._connection.request("GET", "/metrics")
            lines = self._connection.getresponse().read().decode().splitlines()
        return {match[1] or match[2]: float(match[3]) for match in map(STAGE.match, lines) if match}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--items", type=int, default=100_000)
    arguments.add_argument("--log", type=int, default=1_000_000, help="events of the log")
    arguments.add_argument("--workers", type=int, default=2)
    arguments.add_argument("--seconds", type=float, default=10.0)
    arguments.add_argument("--events", action="store_true")
    arguments.add_argument("--work", type=Path, default=ROOT / "build" / "serving")
    given = arguments.parse_args()
    folder = given.work.absolute() / f"{given.items}"
    size = ["--events", given.log, "--items", given.items]
    run([sys.executable, "-m", "benchmarks.served_shop", folder, *size], folder / "make.log")
    with serving(folder, given.workers) as server:
        print(f"{given.items:,} items, {given.workers} workers.\n")
        with Worker.of(server) as worker:
            print(table(TITLES, _answers(server, worker, folder, given.seconds)))
            print(f"\n{worker.table()}")
        if given.events:
            print(f"\n{table(TITLES, _events(server, folder, given.seconds))}")
        print(f"\nMemory: {_memory(server)}")


def _answers(
    server: Server, worker: Worker, folder: Path, seconds: float
) -> Iterator[Sequence[str]]:
    for connections in ASKING:
        asked = (server, folder, "ask", connections, seconds)
        floor = _measure("/constant", *asked)
        yield _row(f"constant, {connections} at once", floor, None)
        with worker.watched(f"{connections} at once"):
            found = _measure("/v1/recommend", *asked)
        yield _row(f"recommendations, {connections} at once", found, floor)


def _events(server: Server, folder: Path, seconds: float) -> Iterator[Sequence[str]]:
    """While four visitors at a time ask for recommendations all along."""
    for title, name, connections, rate in EVENTS:
        asking = _load(server, folder, "/v1/recommend", "ask", 4, seconds)
        found = _measure("/v1/events", server, folder, name, connections, seconds, rate)
        beside = json.loads(asking.communicate()[0])
        yield _row(title, found, None)
        yield _row("recommendations beside", {**beside, "cpu": float("nan")}, None)


def _measure(
    path: str,
    server: Server,
    folder: Path,
    bodies: str,
    connections: int,
    seconds: float,
    rate: float | None = None,
) -> dict[str, Any]:
    before = server.cpu()
    output, _ = _load(server, folder, path, bodies, connections, seconds, rate).communicate()
    found: dict[str, Any] = json.loads(output)
    spent = server.cpu() - before
    return {**found, "cpu": 1e3 * spent / max(1, found["all"])}


def _load(
    server: Server,
    folder: Path,
    path: str,
    bodies: str,
    connections: int,
    seconds: float,
    rate: float | None = None,
) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.load", server.address, path]
    options = ["--bodies", folder / f"{bodies}.jsonl", "--connections", connections]
    whole = [*command, *options, "--seconds", seconds, *(("--rate", rate) if rate else ())]
    return subprocess.Popen(  # noqa: S603
        list(map(str, whole)), stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


def _row(name: str, found: dict[str, Any], floor: dict[str, Any] | None) -> Sequence[str]:
    share = "" if floor is None else f"{found['rate'] / floor['rate']:.2f}"
    wrong = ", ".join(f"{count} × {status}" for status, count in found["wrong"].items())
    return (
        name,
        f"{found['rate']:,.0f}",
        share,
        f"{found['p50']:.1f}",
        f"{found['p99']:.1f}",
        f"{found['cpu']:.2f}",
        wrong or "0",
    )


@contextmanager
def serving(folder: Path, workers: int) -> Iterator[Server]:
    """The service of a shop, with the endpoint that answers the same to everyone."""
    command = [sys.executable, "-m", "benchmarks.floor", str(folder), "--workers", str(workers)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with (folder / "serve.log").open("w") as errors:
        process = subprocess.Popen(  # noqa: S603
            command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT, env=environment
        )
    assert process.stdout is not None  # noqa: S101
    try:
        address = process.stdout.readline().rpartition("//")[2].strip()
        _wait(f"http://{address}/readyz")
        server = Server(address, process)
        _rest(server)
        yield server
    finally:
        process.terminate()
        process.wait()


def _wait(url: str) -> None:
    end = time.monotonic() + 300
    while True:
        try:
            with urllib.request.urlopen(url):  # noqa: S310
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > end:
                raise
            time.sleep(0.5)


def _rest(server: Server) -> None:
    """One worker is ready; return when the others are too, and nothing is left to be done."""
    before, now = 0.0, server.cpu()
    while now - before > 0.1:
        time.sleep(1.0)
        before, now = now, server.cpu()


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _memory(server: Server) -> str:
    """What each process has for itself, and its share of what several have."""
    sizes = []
    for pid in server.processes:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:]}
        own = kilobytes["Private_Dirty"] + kilobytes["Private_Clean"]
        sizes.append(f"{own / 1e3:.0f} MB of its own, {kilobytes['Pss'] / 1e3:.0f} with its share")
    return "; ".join(sizes)


if __name__ == "__main__":
    main()
