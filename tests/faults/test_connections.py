"""Visitors who come all at once, and ones who never finish a sentence."""

from __future__ import annotations

import asyncio
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.service import Load, Service, served

QUESTION = b"GET /v1/recommend?user_id=user-03 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

SOON = 5.0


@contextmanager
def files(count: int) -> Iterator[None]:
    """Let this process, and what it starts, have so many files open at least."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard not in (-1, resource.RLIM_INFINITY) and hard < count:
        pytest.skip(f"A process may have no more than {hard} files open here")
    enough = soft == resource.RLIM_INFINITY or soft >= count
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft if enough else count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_many_connections_at_once(shop: Path, count: int) -> None:
    """Each is held open, then each asks: all are answered, and so is one who comes on top, where
    the settings let so many in."""
    with (shop / "endcap.toml").open("a") as settings:
        settings.write(f"\n[serve]\nconnections = {count + 100}\nwaiting = {count}\n")

    async def all_of_them(service: Service) -> list[bytes]:
        opened = []
        for _ in range(count):
            opened.append(await asyncio.open_connection("127.0.0.1", service.port))
        assert await asyncio.to_thread(service.get, "/v1/recommend") == 200

        async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
            writer.write(QUESTION)
            return await reader.readline()

        answers = await asyncio.gather(*(ask(*both) for both in opened))
        for _, writer in opened:
            writer.close()
        return answers

    with files(count + 500), served(shop) as service:
        answers = asyncio.run(all_of_them(service))
        assert {answer.split()[1] for answer in answers} == {b"200"}
        assert service.get("/v1/recommend") == 200


def test_slowloris(shop: Path) -> None:
    """Hundreds of requests of which a byte comes now and then keep nobody else from an answer."""

    async def hold(port: int, beginning: bytes, done: asyncio.Event) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(beginning)
            while not done.is_set():
                writer.write(b"X")
                await writer.drain()
                await asyncio.sleep(0.2)
        except OSError:
            pass  # the service need not put up with it
        finally:
            writer.close()

    async def attack(service: Service) -> Load:
        done = asyncio.Event()
        heads = b"POST /v1/recommend HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        kinds = (b"GET /v1", heads + b"X-Slow: ", heads + b"Content-Length: 100000\r\n\r\n")
        slow = [
            asyncio.create_task(hold(service.port, kinds[number % 3], done))
            for number in range(240)
        ]
        await asyncio.sleep(1)
        try:
            return await asyncio.to_thread(others, service)
        finally:
            done.set()
            await asyncio.gather(*slow)

    def others(service: Service) -> Load:
        with Load(service.address) as load:
            load.more(40)
        return load

    with served(shop) as service:
        load = asyncio.run(attack(service))
        assert not load.refused
        assert not load.turned_away
        assert load.slowest < SOON


def test_a_client_that_leaves_before_the_answer(shop: Path) -> None:
    with served(shop) as service:
        for _ in range(50):
            with socket.create_connection(("127.0.0.1", service.port)) as line:
                line.sendall(QUESTION)
        began = time.monotonic()
        assert service.get("/v1/recommend?user_id=user-03") == 200
        assert time.monotonic() - began < SOON
