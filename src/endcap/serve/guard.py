"""What every request passes, and every answer carries."""

from __future__ import annotations

import logging

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Connection

from endcap.serve.access import Access, Asked, scope_of
from endcap.serve.problems import Problem
from endcap.store.keys import Key

log = logging.getLogger("endcap.serve")

CARRIED = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cache-Control", "no-store"),
)
"""Headers of every answer that does not set them itself."""

READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """Lets in whom `Access` admits, and writes down what administrators change."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app, self.access = app, access

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500

        async def carrying(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in CARRIED:
                    headers.setdefault(name, value)
            await send(message)

        try:
            asked = _asked(scope)
            key = await self.access.admit(asked)
        except Problem as problem:
            await problem.response()(scope, receive, carrying)
            return
        try:
            await self.app(scope, receive, carrying)
        finally:  # what ends in a defect may have changed something too
            if key and _administers(asked):
                await run_in_threadpool(self._write_down, key, scope, status)

    def _write_down(self, key: Key, scope: Connection, status: int) -> None:
        path = scope["path"]
        if path.startswith("/v1/users/"):  # nobody who is forgotten may stay in the log
            path = getattr(scope.get("route"), "path", "/v1/users/…")
        try:
            self.access.keys.note(key.id, f"{scope['method']} {path}", str(status))
        except SQLAlchemyError:
            log.exception("An action of %s can't be written down", key.id)


def _administers(asked: Asked) -> bool:
    return asked.method not in READING and scope_of(asked.method, asked.path) == "admin"


def _asked(scope: Connection) -> Asked:
    headers = Headers(scope=scope)
    client = scope.get("client")
    return Asked(
        scope["method"],
        scope["path"],
        client[0] if client else "",
        headers.getlist("authorization"),
        headers.get("host", ""),
        headers.get("sec-fetch-site", ""),
    )
