"""API keys, and the log of what was done with the power to administer.

A key is shown once, as `ek_ID_SECRET`. What is kept is the SHA-256 of the secret: 256 bits by
chance can't be guessed from it, so a slow hash would only make each request slow.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    MetaData,
    String,
    Table,
    insert,
    select,
    update,
)

from endcap.errors import StateError
from endcap.store.clock import now
from endcap.store.database import Held
from endcap.store.schema import place
from endcap.types import HOUR

Scope: TypeAlias = Literal["collect", "recommend", "admin"]

SCOPES: tuple[Scope, ...] = get_args(Scope)

_METADATA = MetaData()

_keys = Table(
    "keys",
    _METADATA,
    Column("id", String, primary_key=True),
    Column("scope", String, nullable=False),
    Column("note", String, nullable=False),
    Column("hash", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger),
)

_audit = Table(
    "audit",
    _METADATA,
    place(),
    Column("time", BigInteger, nullable=False),
    Column("by", String, nullable=False),
    Column("action", String, nullable=False),
    Column("what", String, nullable=False),
    sqlite_autoincrement=True,
)

_FORM = re.compile(r"ek_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)


class Key(NamedTuple):
    """What is known of a key. Times: UTC microseconds; ends_at: None for one without an end.

    hash: of its secret.
    """

    id: str
    scope: Scope
    note: str
    hash: str
    created_at: int
    ends_at: int | None

    def ended(self, moment: int) -> bool:
        return self.ends_at is not None and self.ends_at <= moment


class Act(NamedTuple):
    """An administrative action: when, by whom (a key's id, or an account of this machine)."""

    time: int
    by: str
    action: str
    what: str


class Keys(Held):
    """The keys of a shop, in the store of its live events. Every change is written down with who
    made it."""

    metadata = _METADATA

    def all(self) -> dict[str, Key]:
        """By id, the oldest first, those that have ended too."""
        query = select(_keys).order_by(_keys.c.created_at, _keys.c.id)
        rows = self.database.glance(lambda connection: connection.execute(query).all())
        return {row.id: Key(*row) for row in rows}

    def create(self, scope: Scope, note: str, by: str) -> str:
        """A new key, as it is shown once."""
        return self.database.write(lambda connection: _create(connection, scope, note, by))

    def rotate(self, id_: str, by: str, hours: float = 0.0) -> str:
        """A new key in place of one that goes on for some hours. Raises StateError."""
        old, until = self._running(id_), now() + round(hours * HOUR)

        def write(connection: Connection) -> str:
            new = _create(connection, old.scope, old.note, by)
            _end(connection, id_, by, "keys rotate", until)
            return new

        return self.database.write(write)

    def revoke(self, id_: str, by: str) -> None:
        """End a key. Raises StateError."""
        self._running(id_)
        self.database.write(lambda connection: _end(connection, id_, by, "keys revoke", now()))

    def note(self, by: str, action: str, what: str) -> None:
        """Write an action down; it is on the disk when this returns."""
        self.database.write(lambda connection: _note(connection, by, action, what))

    def acts(self, limit: int = 100) -> list[Act]:
        """The newest actions, newest first."""
        c = _audit.c
        query = select(c.time, c.by, c.action, c.what).order_by(c.place.desc()).limit(limit)
        rows = self.database.read(lambda connection: connection.execute(query).all())
        return [Act(*row) for row in rows]

    def _running(self, id_: str) -> Key:
        keys = self.all()
        if id_ not in keys:
            raise StateError(
                f"There is no key {id_!r}",
                expected=f"one of {', '.join(keys)}" if keys else "",
                mend="`endcap keys list` shows them" if keys else "There is none yet",
            )
        if keys[id_].ended(now()):
            raise StateError(f"The key {id_} has ended already")
        return keys[id_]


def matching(keys: Mapping[str, Key], token: str, moment: int) -> Key | None:
    """The key that a token is, None where it is none, or has ended.

    An unknown id takes as long as a wrong secret, so ids can't be found out by the clock.
    """
    found = _FORM.fullmatch(token)
    if found is None:
        return None
    key = keys.get(found[1])
    same = hmac.compare_digest(_hash(found[2]), key.hash if key else _hash(""))
    return key if key and same and not key.ended(moment) else None


def _create(connection: Connection, scope: Scope, note: str, by: str) -> str:
    id_, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    key = Key(id_, scope, note, _hash(secret), now(), None)
    connection.execute(insert(_keys), key._asdict())
    _note(connection, by, "keys create", f"{id_} {scope}")
    return f"ek_{id_}_{secret}"


def _end(connection: Connection, id_: str, by: str, action: str, moment: int) -> None:
    connection.execute(update(_keys).where(_keys.c.id == id_).values(ends_at=moment))
    _note(connection, by, action, id_)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _note(connection: Connection, by: str, action: str, what: str) -> None:
    row: dict[str, Any] = {"time": now(), "by": by, "action": action, "what": what}
    connection.execute(insert(_audit), row)
