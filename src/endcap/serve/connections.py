"""Connections that ask for more than their share: too many, and those that never finish asking."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from endcap.config import Serve
from endcap.serve.problems import Problem
from endcap.serve.workers import Shares


class Connections(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, but for two limits; and the workers know of each other how many
    connections they have.

    A connection that is one too many is told so at once, and one whose request has not come in
    whole after some seconds is cut, however slowly it goes on: a thousand of those would otherwise
    hold all that there are.
    """

    most: ClassVar[int]
    patience: ClassVar[float]
    shares: ClassVar[Shares]

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.shares.has(len(self.connections))
        if len(self.connections) > self.most:
            self._refuse(503, "There are too many connections. Try again in a second.")
        else:
            self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._came()
        super().connection_lost(exc)
        self.shares.has(len(self.connections))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_request()

    def on_message_complete(self) -> None:
        self._came()
        super().on_message_complete()

    def _await_request(self) -> None:
        self._came()
        self._limit = self.loop.call_later(self.patience, self._cut)

    def _came(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _cut(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self._refuse(408, f"The request did not come in within {self.patience:g} seconds.")
        else:  # whoever reads its body is told that nobody is there any more
            self.transport.abort()

    def _refuse(self, status: int, detail: str) -> None:
        if not self.transport.is_closing():
            self.transport.write(_answer(status, detail))
            self.transport.close()


def limited(settings: Serve, shares: Shares) -> type[Connections]:
    """The protocol with the limits of the settings."""
    known = {"most": settings.connections, "patience": settings.patience, "shares": shares}
    return type("Limited", (Connections,), known)


def _answer(status: int, detail: str) -> bytes:
    headers = {"Retry-After": "1", "Connection": "close"}
    answer = Problem(status, detail, headers=headers).response()
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()]
    lines += [b"%s: %s" % (name.title(), value) for name, value in answer.raw_headers]
    return b"\r\n".join([*lines, b"", bytes(answer.body)])
