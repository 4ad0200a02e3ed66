"""What stands between a service and its PostgreSQL server, and can be slow, or say nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import make_url


@dataclass
class Proxy:
    """here, there: the sockets of the proxy and of the server. delay: seconds that everything
    takes longer, each way; None for ever."""

    here: Path
    there: Path
    delay: float | None = 0.0
    ready: threading.Event = field(default_factory=threading.Event)

    async def run(self) -> None:
        self.loop, self.done = asyncio.get_running_loop(), asyncio.Event()
        async with await asyncio.start_unix_server(self._meet, str(self.here)):
            self.ready.set()
            await self.done.wait()
            lines = asyncio.all_tasks() - {asyncio.current_task()}
            for line in lines:
                line.cancel()
            await asyncio.gather(*lines, return_exceptions=True)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.done.set)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            answers, questions = await asyncio.open_unix_connection(str(self.there))
            try:
                await asyncio.gather(self._pass(reader, questions), self._pass(answers, writer))
            finally:
                questions.close()
        writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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
    proxy = Proxy(folder / name, Path(str(url.query["host"])) / name)
    thread = threading.Thread(target=lambda: asyncio.run(proxy.run()))
    thread.start()
    proxy.ready.wait()
    try:
        yield proxy, url.update_query_dict({"host": str(folder)}).render_as_string(False)
    finally:
        proxy.stop()
        thread.join()
