"""`endcap consume`: listens to a stream until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import math
import signal
import time
from contextlib import suppress
from typing import Any

from endcap.errors import SourceError
from endcap.serve.streams import Address, Inbox, Opened, opened
from endcap.types import Report

LOOK = 0.2
"""Seconds between looks at whether to stop."""


def consume(address: Address, inbox: Inbox, idle: float | None, report: Report) -> dict[str, Any]:
    """Write down what comes; returns what it was.

    idle: stop after so many seconds without a message; None goes on until SIGINT or SIGTERM.
    Raises SourceError where the broker can't be reached or the stream is not there.
    """
    # What a broker's library has to say, the error says too.
    logging.getLogger("nats.aio.client").setLevel(logging.CRITICAL)
    asyncio.run(_listen(opened(address), address, inbox, idle, report))
    return inbox.counts()


async def _listen(
    stream: Opened, address: Address, inbox: Inbox, idle: float | None, report: Report
) -> None:
    stop, failed, last = asyncio.Event(), [], time.monotonic()

    async def handle(message: Any) -> None:
        nonlocal last
        last = math.inf  # not idle while something is written
        try:
            await asyncio.to_thread(inbox.keep, stream.letters(message))
        except Exception as error:
            failed.append(error)
            stop.set()
            raise  # so that it is not acknowledged
        last = time.monotonic()
        report(f"{inbox.accepted:,} new events, {inbox.duplicates:,} known ones", 0.0)

    for subscriber in stream.subscribers:
        subscriber(handle)
    for one in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)
    await _start(stream, address)
    last = time.monotonic()
    try:
        while not stop.is_set() and (idle is None or time.monotonic() - last < idle):
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK)
    finally:
        await stream.broker.stop()
    if failed:
        raise failed[0]


async def _start(stream: Opened, address: Address) -> None:
    try:
        await stream.begin()
        await asyncio.wait_for(stream.broker.start(), 20)
    # Each broker's library has errors of its own.
    except Exception as error:
        with suppress(Exception):
            await stream.broker.stop()
        words = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise SourceError(
            f"{address.scheme}: {address.name} cannot be read: {words}",
            mend="Check that the broker runs, and that the stream is there",
        ) from error
