"""A real NATS server for tests, and what is sent to it."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import nats

PROGRAM = Path(sys.executable).with_name("nats-server")


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Its address, with JetStream keeping its files in the folder."""
    port = free_port()
    command = [str(PROGRAM), "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        await_listener(port)
        yield f"nats://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def publish(address: str, bodies: Sequence[Any], stream: str = "EVENTS") -> None:
    """Make the stream where there is none, and send messages: JSON, or bytes as they are."""
    asyncio.run(_publish(address, bodies, stream))


def free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def _publish(address: str, bodies: Sequence[Any], stream: str) -> None:
    client = await nats.connect(address)
    try:
        jetstream = client.jetstream()
        await jetstream.add_stream(name=stream, subjects=[f"{stream.lower()}.>"])
        for body in bodies:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            await jetstream.publish(f"{stream.lower()}.shop", data)
    finally:
        await client.close()


def await_listener(port: int, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with closing(socket.socket()) as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"Nobody listens at {port}")
