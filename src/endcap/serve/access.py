"""Who may come in, for what, and how often."""

from __future__ import annotations

import asyncio
import base64
import binascii
import ipaddress
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from endcap.config import Serve
from endcap.serve.limits import Buckets, Table
from endcap.serve.problems import Problem, later
from endcap.store.clock import now
from endcap.store.keys import Key, Keys, Scope, matching

log = logging.getLogger("endcap.serve")

FRESH = 1.0
"""Seconds after which a key that was revoked is refused at the latest."""

OPEN = frozenset({"/healthz", "/readyz", "/docs", "/openapi.json", "/tag.js"})
"""What anyone may look at: whether the service is well, how it is called, and the browser tag."""

SCOPES: Mapping[tuple[str, str], Scope] = MappingProxyType(
    {
        ("POST", "/v1/events"): "collect",
        ("POST", "/v1/recommend"): "recommend",
        ("GET", "/v1/recommend"): "recommend",
        ("POST", "/v1/rank"): "recommend",
        ("POST", "/v1/similar"): "recommend",
        ("GET", "/v1/similar"): "recommend",
        ("POST", "/v1/explain"): "recommend",
    }
)
"""What the scopes below `admin` may do; all that is not listed is for `admin` alone."""

TRACE = "/v1/recommendations/"


class Asked(NamedTuple):
    """What is looked at of a request. headers: those of some names, as often as they came."""

    method: str
    path: str
    address: str
    authorization: Sequence[str]
    host: str
    site: str


class Access:
    """Lets in who shows a key of the right scope; anyone, as long as no key was ever created."""

    def __init__(
        self, keys: Keys, settings: Serve, folder: Path | None = None, *, local: bool = False
    ) -> None:
        """folder: that of the shop, in which workers share what they count.
        local: whether only this machine can reach the service; then only names of this machine
        are answered to, so that a page from elsewhere can't pass for one from here."""
        self.keys, self.local = keys, local
        table = Table(folder)
        self._by_key = Buckets(settings.key_rate, settings.key_burst, table, "key")
        self._by_address = Buckets(settings.address_rate, settings.address_burst, table, "address")
        self._known: dict[str, Key] | None = None
        self._read = -FRESH
        self._reading = asyncio.Lock()

    async def admit(self, asked: Asked) -> Key | None:
        """The key that someone came in with, None for one without. Raises Problem."""
        if asked.method == "GET" and asked.path in OPEN:
            return None
        if not (known := await self._fresh()):
            self._refuse_strangers(asked)
            return None
        key = self._key(known, asked)
        if key is None:
            self._slow(self._by_address, _net(asked.address))
            raise _unknown(asked)
        self._slow(self._by_key, key.id)
        if key.scope == "collect":  # it stands in web pages, so many come with it
            self._slow(self._by_address, _net(asked.address))
        needed = scope_of(asked.method, asked.path)
        if key.scope not in (needed, "admin"):
            detail = f"This key may {key.scope}. {asked.method} {asked.path} needs {needed}."
            raise Problem(403, detail)
        return key

    async def _fresh(self) -> Mapping[str, Key]:
        """The keys, read again where that was a second ago, off the event loop: the store may be
        slow. All who come meanwhile wait, so that a key that was revoked is let in by no race.
        Raises Problem where the keys never could be read."""
        if self._stale():
            async with self._reading:
                if self._stale():
                    await run_in_threadpool(self._read_again)
        return self._known or {}

    def _stale(self) -> bool:
        return time.monotonic() - self._read >= FRESH

    def _read_again(self) -> None:
        began = time.monotonic()
        try:
            self._known = self.keys.all()
        except SQLAlchemyError as error:
            log.error("The keys can't be read; going on with those that are known: %s", error)
            if self._known is None:
                raise later(503, "Keys can't be read.") from error
        self._read = began

    def _refuse_strangers(self, asked: Asked) -> None:
        """Raises Problem where a page from elsewhere asks through a browser of this machine."""
        if self.local and not loopback(_name(asked.host)):
            raise Problem(421, f"Host {asked.host!r} is not this machine, and there is no API key.")
        if self.local and asked.site == "cross-site":
            raise Problem(403, "Pages from elsewhere need an API key, and there is none.")

    def _key(self, known: Mapping[str, Key], asked: Asked) -> Key | None:
        if len(asked.authorization) != 1:
            return None
        kind, _, value = asked.authorization[0].partition(" ")
        if kind.lower() == "basic" and _from_own_page(asked):
            value = _password(value)
        elif kind.lower() != "bearer":
            return None
        return matching(known, value.strip(), now())

    def _slow(self, buckets: Buckets, who: str) -> None:
        if seconds := buckets.take(who):
            raise later(429, f"Too many requests. Try again in {seconds} s.", seconds)


def scope_of(method: str, path: str) -> Scope:
    """The scope that an endpoint needs.

    >>> scope_of("POST", "/v1/events"), scope_of("POST", "/v1/events/"), scope_of("GET", "/")
    ('collect', 'admin', 'admin')
    """
    if method == "GET" and path.startswith(TRACE) and "/" not in path[len(TRACE) :]:
        return "recommend"
    return SCOPES.get((method, path), "admin")


def _unknown(asked: Asked) -> Problem:
    """The same for a key that never was, has ended or is not well formed."""
    page = asked.method == "GET" and not asked.path.startswith("/v1/")
    # So that a browser asks people for the key, as a password.
    challenge = 'Basic realm="Endcap", charset="UTF-8"' if page else "Bearer"
    detail = "A valid API key is needed, as `Authorization: Bearer KEY`."
    return Problem(401, detail, headers={"WWW-Authenticate": challenge})


def _from_own_page(asked: Asked) -> bool:
    """Whether a password may count. Browsers send it along unasked, so it must not let pages from
    elsewhere change anything."""
    return asked.method == "GET" or asked.site == "same-origin"


def _password(value: str) -> str:
    try:
        decoded = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return decoded.partition(":")[2]


def _name(host: str) -> str:
    """Of a host, without its port.

    >>> _name("127.0.0.1:8765"), _name("[::1]:80"), _name("evil.example")
    ('127.0.0.1', '::1', 'evil.example')
    """
    name, _, port = host.rpartition(":")
    return (name if port.isdigit() else host).strip("[]")


def loopback(name: str) -> bool:
    """Whether only this machine can reach what has this name or address."""
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _net(address: str) -> str:
    """An address as far as it stands for someone: of version 6, everyone has 2^64 of them."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    if parsed.ipv4_mapped is not None:  # as a proxy may write one of version 4
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
