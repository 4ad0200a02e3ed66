"""Does the service stay as it is? Memory, errors and latency over a quarter of an hour.

    python -m benchmarks.soak SHOP [--minutes 15] [--workers 1] [--share 0.5]

SHOP: a shop folder with a live release; it is copied, and the copy is served. At first it is found
out how many requests a second the service answers at most. Then visitors come at a share of that,
each at a steady pace: two in three requests ask for recommendations, one sends an event. Written
are a line for each part of the time, and a JSON object on standard output: how much the memory of
all its processes grew from the first third to the last, and how the median and the 99th percentile
of the latency changed. Of each part it is the memory at half of the moments, and the most at any.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np

from endcap.config import Shop
from endcap.tables.dataset import Dataset
from endcap.tables.prepare import prepared

THREADS = 8
TRIAL = 10.0
"""Seconds in which it is found out what the service can do."""

PARTS = 15
"""Of the time, each with a line of its own."""

LOOKS = 2.0
"""Seconds between looks at the memory."""

CLIENT = "import sys; from endcap.cli.app import main; main()"


@dataclass
class Part:
    """What happened in a part of the time. memory: megabytes of all processes of the service, at
    some moments."""

    took: list[float] = field(default_factory=list)
    errors: int = 0
    memory: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        p50, p99 = np.percentile(self.took or [0.0], (50, 99)) * 1e3
        return {
            "requests": len(self.took),
            "errors": self.errors,
            "p50": round(float(p50), 2),
            "p99": round(float(p99), 2),
            "memory": round(median(self.memory), 1),
            "most": round(max(self.memory), 1),
        }


@dataclass
class Visitors:
    """Who asks: people and items of the log, and some whom nobody knows."""

    port: int
    users: Sequence[str]
    items: Sequence[str]

    def drive(self, seconds: float, rate: float | None) -> Part:
        """Ask for some seconds: so many requests a second, or as many as are answered."""
        part, lock = Part(), threading.Lock()
        end = time.monotonic() + seconds
        pause = THREADS / rate if rate else 0.0

        def visit(number: int) -> None:
            took, errors = self._visit(end, pause, random.Random(time.time_ns() + number))  # noqa: S311
            with lock:
                part.took += took
                part.errors += errors

        threads = [threading.Thread(target=visit, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return part

    def _visit(self, end: float, pause: float, chance: random.Random) -> tuple[list[float], int]:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        took, errors = [], 0
        due = time.monotonic() + chance.random() * pause
        while (now := time.monotonic()) < end:
            if due > now:
                time.sleep(due - now)
            # Counted from when it was due: who has to wait to ask waits too.
            began = due if pause else now
            due += pause
            path, body = self._question(chance)
            try:
                line.request("POST", path, json.dumps(body))
                answer = line.getresponse()
                answer.read()
                errors += answer.status >= 300
            except (OSError, http.client.HTTPException):
                line.close()
                errors += 1
            took.append(time.monotonic() - began)
        line.close()
        return took, errors

    def _question(self, chance: random.Random) -> tuple[str, dict[str, Any]]:
        user = chance.choice(self.users) if chance.random() < 0.9 else f"new-{chance.random()}"
        if chance.random() < 2 / 3:
            return "/v1/recommend", {"user_id": user, "n": 10}
        event = {"event_type": "view", "user_id": user, "item_id": chance.choice(self.items)}
        return "/v1/events", {**event, "event_id": str(chance.getrandbits(128))}


@contextmanager
def serving(folder: Path, workers: int) -> Iterator[tuple[int, int]]:
    """The port and the process of a service."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-c", CLIENT, "serve", "--shop", str(folder)]
    command += ["--port", str(port), "--workers", str(workers)]
    process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})  # noqa: S603
    try:
        while not _ready(port):
            if process.poll() is not None:
                raise SystemExit("the service ended")
            time.sleep(0.2)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def _ready(port: int) -> bool:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        line.request("GET", "/readyz")
        return line.getresponse().status == 200
    except OSError:
        return False
    finally:
        line.close()


def memory(pid: int) -> float:
    """Megabytes that a process and those that it started have alone, and their shares of what
    they have in common."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    own = Path(f"/proc/{pid}/smaps_rollup").read_text()
    kilobytes = next(int(line.split()[1]) for line in own.splitlines() if line.startswith("Pss:"))
    return kilobytes / 1024 + sum(memory(int(child)) for child in children)


@contextmanager
def watching(pid: int) -> Iterator[list[float]]:
    """How much memory there is, at moments until it ends."""
    seen, over = [memory(pid)], threading.Event()

    def look() -> None:
        while not over.wait(LOOKS):
            seen.append(memory(pid))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def change(values: Sequence[float]) -> float:
    """From the mean of the first third to that of the last, as a share.

    >>> change([100, 100, 150, 110, 110, 110])
    0.1
    """
    third = max(1, len(values) // 3)
    first, last = fmean(values[:third]), fmean(values[-third:])
    return round(last / first - 1, 4) if first else 0.0


def soak(folder: Path, minutes: float, workers: int, share: float) -> dict[str, Any]:
    dataset = Dataset.load(prepared(Shop.open(folder)))
    with serving(folder, workers) as (port, pid):
        visitors = Visitors(port, dataset.users[1:], dataset.catalogue.ids)
        visitors.drive(min(TRIAL, minutes * 6), None)  # to warm up
        most = len(visitors.drive(min(TRIAL, minutes * 6), None).took) / min(TRIAL, minutes * 6)
        print(f"At most {most:.0f} requests a second", file=sys.stderr)
        parts = []
        for number in range(PARTS):
            with watching(pid) as seen:
                part = visitors.drive(minutes * 60 / PARTS, most * share)
            part.memory = seen
            parts.append(part.figures())
            print(f"{number + 1:3} of {PARTS}: {parts[-1]}", file=sys.stderr, flush=True)
    return {
        "most": round(most, 1),
        "rate": round(most * share, 1),
        "minutes": minutes,
        "errors": sum(part["errors"] for part in parts),
        **{f"{name}_change": change([part[name] for part in parts]) for name in NAMES},
        "parts": parts,
    }


NAMES = ("memory", "p50", "p99")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("shop", type=Path)
    arguments.add_argument("--minutes", type=float, default=15.0)
    arguments.add_argument("--workers", type=int, default=1)
    arguments.add_argument("--share", type=float, default=0.5)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder) / "shop"
        shutil.copytree(given.shop, copied, ignore=shutil.ignore_patterns("runs", "tune"))
        print(json.dumps(soak(copied, given.minutes, given.workers, given.share), indent=1))


if __name__ == "__main__":
    main()
