"""A load generator: so many connections, each of which asks again as soon as it is answered.

    python -m benchmarks.load ADDRESS PATH --bodies FILE [--connections C] [--seconds S] [--key K]
        [--rate R]

Posts the lines of the file, one a request, round and round; in a line, each `#` becomes a number
that has not been used before, so that events have ids of their own. Writes one JSON object:
requests a second, the median and the 99th percentile in milliseconds, how many were answered in
all, and how many not with a status of 2xx, by status.

With a rate, so many are asked a second, by whichever connection is free, and one that finds none
free waits for it: what it waited counts too. A service that is asked as fast as it can answer shows
how fast that is, and little of what those wait who ask less.

It speaks to sockets itself. A client library would take longer for a request than the service
takes for its answer, and the figures would be those of the client.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import selectors
import socket
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

WARM = 1.0
"""Seconds whose answers don't count."""

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)

END = b"\r\n\r\n"


@dataclass
class Line:
    """A connection: what has come of the answer that it waits for, and since when it waits."""

    socket: socket.socket
    came: bytearray = field(default_factory=bytearray)
    asked: float = 0.0

    def ask(self, request: bytes, since: float | None = None) -> None:
        """since: when it should have been asked, where that is not now."""
        self.came.clear()
        self.asked = time.perf_counter() if since is None else since
        self.socket.sendall(request)

    def hear(self) -> int:
        """The status of the answer once it is whole, else 0; −1 where the line is cut."""
        part = self.socket.recv(1 << 16)
        if not part:
            return -1
        self.came += part
        head = self.came.find(END)
        if head < 0:
            return 0
        length = LENGTH.search(self.came, 0, head)
        whole = head + len(END) + (int(length[1]) if length else 0)
        return int(self.came[9:12]) if len(self.came) >= whole else 0


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("address", help="host:port")
    arguments.add_argument("path")
    arguments.add_argument("--bodies", type=Path, required=True)
    arguments.add_argument("--connections", type=int, default=1)
    arguments.add_argument("--seconds", type=float, default=5.0)
    arguments.add_argument("--key", default="")
    arguments.add_argument("--rate", type=float, help="requests a second; as fast as may be")
    given = arguments.parse_args()
    host, _, port = given.address.partition(":")
    lines = [Line(_connect(host, int(port))) for _ in range(given.connections)]
    asked = requests(given.path, given.bodies.read_bytes().splitlines(), given.key)
    print(json.dumps(drive(lines, asked, given.seconds, given.rate)))


def requests(path: str, bodies: list[bytes], key: str) -> Iterator[bytes]:
    """Requests without end."""
    number = itertools.count(time.time_ns())
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += f"Authorization: Bearer {key}\r\n" if key else ""
    for body in itertools.cycle(bodies):
        parts = body.split(b"#")
        whole = parts[0]
        for part in parts[1:]:
            whole += b"%d%s" % (next(number), part)
        yield b"%sContent-Length: %d%s%s" % (head.encode(), len(whole), END, whole)


def drive(
    lines: list[Line], asked: Iterator[bytes], seconds: float, rate: float | None = None
) -> dict[str, object]:
    """Ask for some seconds, after some to warm up. rate: requests a second, None for as many as
    can be answered."""
    selector = selectors.DefaultSelector()
    for line in lines:
        selector.register(line.socket, selectors.EVENT_READ, line)
    free, due = deque(lines), _moments(rate)
    begin = time.perf_counter() + WARM
    count, took, wrong = 0, list[float](), Counter[int]()
    wait = next(due)
    while (now := time.perf_counter()) < begin + seconds:
        while free and (wait is None or wait <= now):
            free.popleft().ask(next(asked), wait)
            wait = next(due)
        patience = max(0.0, wait - now) if free and wait is not None else 1.0
        for ready, _ in selector.select(min(1.0, patience)):
            line = ready.data
            status = line.hear()
            if not status:
                continue
            now, count = time.perf_counter(), count + 1
            if now >= begin:
                took.append(now - line.asked)
                if status // 100 != 2:
                    wrong[status] += 1
            if status < 0:
                raise ConnectionError("the service has cut a connection")
            free.append(line)
    return figures(took, seconds) | {"all": count, "wrong": dict(wrong)}


def _moments(rate: float | None) -> Iterator[float | None]:
    """When requests are due, evenly; None for at once."""
    begin = time.perf_counter()
    return (None if rate is None else begin + number / rate for number in itertools.count())


def figures(took: list[float], seconds: float) -> dict[str, float]:
    """
    >>> figures([0.001, 0.001, 0.003], 1.0)["p50"]
    1.0
    """
    cuts = quantiles(took, n=100, method="inclusive") if len(took) > 1 else [0.0] * 99
    return {
        "rate": len(took) / seconds,
        "p50": round(cuts[49] * 1e3, 3),
        "p99": round(cuts[98] * 1e3, 3),
    }


def _connect(host: str, port: int) -> socket.socket:
    made = socket.create_connection((host, port), timeout=30)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


if __name__ == "__main__":
    main()
