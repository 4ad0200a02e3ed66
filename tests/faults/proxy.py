"""What stands between a service and its PostgreSQL server, and can be slow, or say nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url


@dataclass
class Proxy:
    """delay: seconds that everything takes longer, each way; None for ever."""

    delay: float | None = 0.0

    async def passed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                while self.delay is None:
                    await asyncio.sleep(0.02)
                await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()
        writer.close()


@contextmanager
def between(address: str, folder: Path) -> Iterator[tuple[Proxy, str]]:
    """A proxy before the server at an address, and the address of the proxy."""
    url = make_url(address)
    name = f".s.PGSQL.{url.port or 5432}"
    there = str(Path(str(url.query["host"])) / name)
    proxy, loop = Proxy(), asyncio.new_event_loop()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, questions = await asyncio.open_unix_connection(there)
        except OSError:
            writer.close()
            return
        await asyncio.gather(proxy.passed(reader, questions), proxy.passed(answers, writer))

    loop.run_until_complete(asyncio.start_unix_server(meet, str(folder / name)))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield proxy, url.update_query_dict({"host": str(folder)}).render_as_string(False)
    finally:
        for task in asyncio.all_tasks(loop):
            loop.call_soon_threadsafe(task.cancel)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
