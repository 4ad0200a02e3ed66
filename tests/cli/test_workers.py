"""Several processes at one address, and connections that ask for too much."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from endcap.config import Shop
from endcap.serve.workers import AT_A_TIME, Listening, Processes, Shares
from tests.cli.test_service import answering, children, server
from tests.serve.shops import released_shop

LIMITS = "\n[serve]\nconnections = 5\npatience = 0.5\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return released_shop(tmp_path_factory.mktemp("shop"))


def until(what: object, found: object) -> None:
    end = time.monotonic() + 30
    while not (what() if callable(what) else what):
        assert time.monotonic() < end, found
        time.sleep(0.1)


def test_a_worker_that_has_just_ended_does_not_keep_the_others_from_stopping() -> None:
    processes = Processes([])
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    goes_on = subprocess.Popen(["sleep", "60"])  # noqa: S607
    processes._begun = {one.pid: (lambda: None, 0.0) for one in (ended, goes_on)}
    processes._stop(signal.SIGTERM, None)
    assert goes_on.wait(10) == -signal.SIGTERM


class Brief(asyncio.Protocol):
    """Hangs up on who calls, and says when it is through."""

    def __init__(self) -> None:
        self.through = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.through.set()


def test_a_worker_leaves_what_waits_to_others() -> None:
    """Three connections wait. When the first is served, another can still be taken by whoever
    else has the socket."""
    left: list[socket.socket] = []
    served: list[Brief] = []

    async def work(listening: socket.socket) -> None:
        def serve() -> Brief:
            if not left:
                left.append(listening.accept()[0])
            served.append(Brief())
            return served[-1]

        loop = asyncio.get_running_loop()
        async with await loop.create_server(serve, sock=listening, backlog=AT_A_TIME):
            while len(served) < 2:
                await asyncio.sleep(0)
            for one in served:
                await one.through.wait()

    with Listening.at(("127.0.0.1", 0), socket.AF_INET, 1) as listening:
        waiting = [socket.create_connection(listening.getsockname()) for _ in range(3)]
        asyncio.run(asyncio.wait_for(work(listening), 10))
    for one in (*waiting, *left):
        one.close()


def test_who_has_more_connections_leaves_the_next_to_others() -> None:
    shares = Shares(2)
    for number, connections in ((0, 3), (1, 2)):
        shares.begin(number)
        shares.has(connections)
    assert not shares.ahead()
    shares.has(4)
    assert shares.ahead()
    shares.begin(1)  # another in the place of one that died
    assert not shares.ahead()


def test_connections_are_shared_by_the_workers(shop: Shop) -> None:
    """One by one, while nobody asks anything: whoever heard of the last is quickest again."""
    with server(shop.folder, "--workers", "2") as (address, process):
        ready(address)
        where = urlsplit(address)
        opened = []
        for _ in range(12):
            opened.append(socket.create_connection((where.hostname, where.port)))
            time.sleep(0.05)
        has = [_connections(pid, where.port) for pid in answering(process.pid)]
        for one in opened:
            one.close()
    assert sum(has) == len(opened)
    assert min(has) >= 2, has


def _connections(pid: int, port: int | None) -> int:
    """That a process has open at a port of its own."""
    lines = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    ours = {one[9] for one in fields if one[1].endswith(f":{port:04X}") and one[3] == "01"}
    files = [os.readlink(file) for file in Path(f"/proc/{pid}/fd").glob("*")]
    return sum(file.removeprefix("socket:[").removesuffix("]") in ours for file in files)


def ready(address: str) -> None:
    until(lambda: httpx.get(f"{address}/readyz").status_code == 200, "it never was ready")


def test_an_event_is_in_the_next_answer_of_every_worker(shop: Shop) -> None:
    with server(shop.folder, "--workers", "2") as (address, process):
        ready(address)
        clients = [httpx.Client(base_url=address) for _ in range(12)]
        for turn in range(10):
            item = f"item-{turn:02}"
            event = {"event_type": "purchase", "anonymous_id": "max", "item_id": item}
            assert clients[turn].post("/v1/events", json=event).json()["accepted"] == 1
            for client in clients:
                answer = client.post("/v1/recommend", json={"anonymous_id": "max", "n": 12})
                assert item not in {one["item_id"] for one in answer.json()["items"]}
        assert len(answering(process.pid)) == 2
        for client in clients:
            client.close()


@pytest.mark.parametrize("which", [0, 2])
def test_a_process_that_is_killed_is_replaced(shop: Shop, which: int) -> None:
    """A worker, and the one behind them."""
    with server(shop.folder, "--workers", "2") as (address, process):
        ready(address)
        first = children(process.pid)
        os.kill(first[which], signal.SIGKILL)
        until(lambda: len(set(children(process.pid)) | set(first)) == 4, "nobody took its place")
        assert httpx.post(f"{address}/v1/recommend", json={}).json()["items"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


@pytest.fixture
def two() -> Iterator[set[int]]:
    """Two processors, and no other, for what the test begins."""
    all_ = os.sched_getaffinity(0)
    if len(all_) < 2:
        pytest.skip("there is one processor")
    os.sched_setaffinity(0, sorted(all_)[:2])
    yield os.sched_getaffinity(0)
    os.sched_setaffinity(0, all_)


def test_each_worker_keeps_to_a_processor_where_there_is_one_for_each(
    shop: Shop, two: set[int]
) -> None:
    with server(shop.folder, "--workers", "2") as (address, process):
        ready(address)
        workers = answering(process.pid)
        [learns] = {*children(process.pid)} - {*workers}
        assert sorted(map(os.sched_getaffinity, workers), key=min) == [{one} for one in sorted(two)]
        assert os.sched_getaffinity(learns) == two
    with server(shop.folder) as (address, process):
        ready(address)
        assert os.sched_getaffinity(answering(process.pid)[0]) == two, "it has them all"


def test_no_process_stays_behind(shop: Shop) -> None:
    with server(shop.folder, "--workers", "2") as (address, process):
        ready(address)
        left = children(process.pid)
        process.kill()
        process.wait()
        until(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in left), left)


def test_one_that_answers_nobody_learns(shop: Shop) -> None:
    """And what it learned is read by the only one that answers."""
    with server(shop.folder) as (address, process):
        ready(address)
        [worker] = answering(process.pid)
        assert len(children(process.pid)) == 2
        event = {"event_type": "view", "anonymous_id": "eve", "item_id": "item-01"}
        assert httpx.post(f"{address}/v1/events", json=event).json()["accepted"] == 1
        until(lambda: "endcap-lesson" in Path(f"/proc/{worker}/maps").read_text(), "no lesson")


def test_what_is_under_way_is_answered_before_it_stops(shop: Shop) -> None:
    with server(shop.folder) as (address, process):
        ready(address)
        host, port = urlsplit(address).hostname, urlsplit(address).port
        with socket.create_connection((host, port)) as line:
            line.sendall(
                b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 62\r\n\r\n"
            )
            time.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            event = b'{"event_type":"view","anonymous_id":"eve","item_id":"item-01"}'
            line.sendall(event)
            line.settimeout(10)
            assert line.recv(1_000).startswith(b"HTTP/1.1 202")
        process.wait(timeout=20)
    with server(shop.folder) as (address, _):
        again = httpx.post(f"{address}/v1/events", json=[{"event_type": "search", "query": "x"}])
        assert again.status_code == 202


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """Host and port of a service that takes five connections, and waits half a second."""
    folder = tmp_path_factory.mktemp("limited")
    (folder / "endcap.toml").write_text(LIMITS)
    with server(folder) as (address, _):
        found = urlsplit(address)
        yield str(found.hostname), int(found.port or 0)


def test_one_connection_too_many_is_told_so(limited: tuple[str, int]) -> None:
    time.sleep(1)  # so that the connections of other tests are gone
    lines = [socket.create_connection(limited) for _ in range(40)]
    answers = []
    for line in lines:
        line.settimeout(5)
        answers.append(line.recv(1_000))
        line.close()
    statuses = [answer[9:12] for answer in answers]
    assert statuses.count(b"503") == 35
    assert b"Retry-After: 1" in next(one for one in answers if one[9:12] == b"503")
    assert httpx.get(f"http://{limited[0]}:{limited[1]}/healthz").status_code == 200


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\nHost: loc",
        b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
    ],
)
def test_whoever_never_finishes_asking_is_cut(limited: tuple[str, int], head: bytes) -> None:
    with socket.create_connection(limited) as line:
        line.settimeout(10)
        line.sendall(head)
        began = time.monotonic()
        for _ in range(3):  # however slowly it goes on
            time.sleep(0.1)
            line.sendall(head and b"x")
        try:
            answer = line.recv(1_000)
        except ConnectionResetError:
            answer = b""
        assert answer == b"" or answer.startswith(b"HTTP/1.1 408")
        assert 0.3 < time.monotonic() - began < 5


def test_answers_do_not_wait_for_an_acknowledgement(limited: tuple[str, int]) -> None:
    """Where small parts wait for each other, each answer after the first takes 40 ms."""
    time.sleep(1)
    with httpx.Client(base_url=f"http://{limited[0]}:{limited[1]}") as client:
        took = []
        for _ in range(30):
            began = time.perf_counter()
            client.get("/healthz")
            took.append(time.perf_counter() - began)
    assert min(took[5:]) < 0.02
