"""Events from a stream: one file is one broker, named as the scheme of its addresses.

    nats://shop.example:4222/EVENTS     redis://shop.example:6379/events     kafka://…:9092/events

A message is acknowledged when its events are on the disk, and not before: what a crash cuts off
comes again. What comes again changes nothing: an event has an id, its own or one made of its
content, and the moment of one that names none is that at which the broker took it, which is the
same at each delivery. So nothing is lost and nothing counts twice.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from pydantic_core import from_json

from endcap.config import Clean
from endcap.errors import SourceError
from endcap.serve.collect import checked
from endcap.store.events import LiveEvents, Row

EXTRA = "pip install 'endcap[stream]'"

EXPECTED = "scheme://host:port/NAME, as nats://127.0.0.1:4222/EVENTS"

BATCH = 1_000
"""Messages that are taken at once: they are written, and acknowledged, together."""

PAUSE = 0.5
"""Seconds that a batch waits to become full."""


class Letter(NamedTuple):
    """A message. body: JSON, an event or a list; time: when the broker took it, microseconds."""

    body: bytes
    time: int


@dataclass(frozen=True)
class Address:
    """Where a stream is.

    server: the address of the broker alone. name: of the topic or stream. group: the name under
    which the broker remembers how far we are. options: what stands after the question mark.
    """

    scheme: str
    server: str
    name: str
    group: str
    options: dict[str, str]

    @classmethod
    def parse(cls, text: str) -> Address:
        """Raises SourceError.

        >>> Address.parse("nats://shop.example:4222/EVENTS?group=one").group
        'one'
        """
        parts = urlsplit(text)
        known = sorted({one.name for one in pkgutil.iter_modules(__path__)} - {"consume"})
        if parts.scheme not in known or not parts.netloc or len(parts.path) < 2:
            raise SourceError(
                f"{_shown(text)!r} is no address of a stream",
                expected=f"{EXPECTED}; schemes: {', '.join(known)}",
            )
        options = dict(parse_qsl(parts.query))
        server = f"{parts.scheme}://{parts.netloc}"
        group = options.pop("group", "endcap")
        return cls(parts.scheme, server, parts.path[1:], group, options)

    def refuse_others(self, *known: str) -> None:
        """Raises SourceError where an option is none of these."""
        for name in self.options:
            if name not in known:
                allowed = ", ".join(("group", *known))
                raise SourceError(f"{self.scheme} has no option {name!r}", expected=allowed)


def _shown(address: str) -> str:
    """For people: without the name and password that may stand in it."""
    return re.sub("//.*@", "//…@", address)


async def _nothing() -> None:
    """Most brokers need no more than their address."""


@dataclass(frozen=True)
class Opened:
    """A stream of a broker, not yet listened to.

    broker, subscribers: of FastStream. letters: what came, from what the broker's library gives.
    begin: what is to be done before the broker starts.
    """

    broker: Any
    subscribers: tuple[Any, ...]
    letters: Callable[[Any], list[Letter]]
    begin: Callable[[], Awaitable[None]] = field(default=_nothing)


def opened(address: Address) -> Opened:
    """Raises SourceError where the broker's library is not installed."""
    try:
        found: Opened = importlib.import_module(f"{__name__}.{address.scheme}").opened(address)
    except ImportError as error:
        raise SourceError(
            f"{_shown(address.server)} needs {error.name or 'a library'}, which is not installed",
            mend=EXTRA,
        ) from error
    return found


async def as_it_came(message: Any) -> Any:
    """What a broker's library gave: a decoder for FastStream, whose own would fail at a message
    that is broken."""
    return message.raw_message


@dataclass
class Inbox:
    """Writes down what came, and counts it.

    rejected: reasons, and how many events were refused for each.
    """

    live: LiveEvents
    clean: Clean
    messages: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    def keep(self, letters: Sequence[Letter]) -> None:
        """The events are on the disk when this returns; what is none is counted."""
        rows = [row for letter in letters for row in self._rows(letter)]
        accepted, duplicates = self.live.append(rows)
        self.messages += len(letters)
        self.accepted += accepted
        self.duplicates += duplicates

    def counts(self) -> dict[str, Any]:
        counts = {name: getattr(self, name) for name in ("messages", "accepted", "duplicates")}
        return counts | {"rejected": dict(self.rejected.most_common())}

    def _rows(self, letter: Letter) -> list[Row]:
        try:
            # As strict as over HTTP: what the store can't keep would come again for ever.
            body = from_json(letter.body, allow_inf_nan=False)
        except ValueError:
            self.rejected["not JSON"] += 1
            return []
        rows = [
            self._row(value, letter.time) for value in (body if isinstance(body, list) else [body])
        ]
        return [row for row in rows if row is not None]

    def _row(self, value: Any, time: int) -> Row | None:
        try:
            return checked(value, time, self.clean)
        except ValueError as error:
            self.rejected[str(error)] += 1
        return None
