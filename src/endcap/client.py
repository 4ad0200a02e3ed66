"""A client of the service, for a shop's own server.

    from endcap.client import Client

    with Client("http://127.0.0.1:8765", key="ek_…") as endcap:
        answer = endcap.recommend(user_id="42", n=5, fields=["title"])
        endcap.send({"event_type": "view", "user_id": "42", "item_id": answer.items[0].item_id})

`AsyncClient` is the same with `await`. It needs httpx: `pip install 'endcap[client]'`.

What may pass by itself is tried again: a connection that fails, a service that is busy, away or
wants less (429, 502, 503, 504), after as long as it says. Each event gets an `event_id` before it
is first sent, so one that arrived though its answer did not counts once.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeAlias, TypeVar

from endcap.errors import EndcapError

try:
    import httpx
except ImportError as error:
    raise ImportError("endcap.client needs httpx: run `pip install 'endcap[client]'`") from error

Found: TypeAlias = httpx.Response | httpx.TransportError
"""What an attempt came to."""

A = TypeVar("A", covariant=True)
S = TypeVar("S", covariant=True)

Event: TypeAlias = Mapping[str, Any]
"""Its fields are those of `POST /v1/events`."""

BATCH = 1_000
"""Events that the service takes at once."""

PASSING = frozenset({429, 502, 503, 504})
"""Statuses that may be others a moment later."""

LONGEST = 5.0
"""Seconds that are waited before another attempt, at most."""


class ServiceError(EndcapError):
    """The service did not do it.

    status: of its answer, 0 where there was none. errors: `field`, `value` and `detail` of each.
    """

    def __init__(self, status: int, detail: str, errors: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(f"{status or 'No answer'}: {detail}")
        self.status, self.detail, self.errors = status, detail, tuple(errors)


@dataclass(frozen=True)
class Item:
    """more: its reason, and the fields that were asked for."""

    item_id: str
    score: float
    more: Mapping[str, Any]

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Item:
        more = {name: one for name, one in value.items() if name not in ("item_id", "score")}
        return cls(value["item_id"], value["score"], more)


@dataclass(frozen=True)
class Answer:
    """recommendation_id: to be sent along with the events that it leads to; empty for similar
    items. path: `full`, or `no_ranker` or `popular` where a part failed. fewer: why there are fewer
    items than were asked for, None where there are not."""

    release: str
    items: tuple[Item, ...]
    recommendation_id: str = ""
    path: str = "full"
    fewer: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Answer:
        names = ("release", "recommendation_id", "path", "fewer")
        known = {name: value[name] for name in names if name in value}
        return cls(items=tuple(map(Item.of, value["items"])), **known)


@dataclass(frozen=True)
class Sent:
    """rejected: `index`, the place among those that were sent, and `error`."""

    accepted: int
    duplicates: int
    rejected: tuple[Mapping[str, Any], ...]


class _Shop(ABC, Generic[A, S]):
    """What can be asked of a service; each client says how its answers are waited for."""

    def recommend(self, **question: Any) -> A:
        """The fields of `POST /v1/recommend`. Raises ServiceError."""
        return self._ask("/v1/recommend", question)

    def similar(self, item_id: str, **more: Any) -> A:
        """Items that go with an item. Raises ServiceError."""
        return self._ask("/v1/similar", {"item_id": item_id, **more})

    def send(self, *events: Event) -> S:
        """Have events kept; they are on the disk when this returns. Raises ServiceError."""
        return self._send(list(_batches(events)))

    @abstractmethod
    def _ask(self, path: str, question: Event) -> A: ...

    @abstractmethod
    def _send(self, batches: Sequence[Sequence[Event]]) -> S: ...


class Client(_Shop[Answer, Sent]):
    """address: of the service. key: with the scope that is needed. retries: after the first
    attempt. timeout: seconds of one attempt."""

    def __init__(
        self, address: str, key: str | None = None, *, retries: int = 3, timeout: float = 5.0
    ) -> None:
        self.retries = retries
        self._http = httpx.Client(base_url=address, headers=_headers(key), timeout=timeout)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, path: str, question: Event) -> Answer:
        return Answer.of(self._call(path, question))

    def _send(self, batches: Sequence[Sequence[Event]]) -> Sent:
        return _sent([self._call("/v1/events", batch) for batch in batches])

    def _call(self, path: str, body: Any) -> Any:
        attempt = 0
        while True:
            found: Found
            try:
                found = self._http.post(path, json=body)
                if found.is_success:
                    return found.json()
            except httpx.TransportError as error:
                found = error
            time.sleep(_pause(found, attempt, self.retries))
            attempt += 1


class AsyncClient(_Shop[Awaitable[Answer], Awaitable[Sent]]):
    """See `Client`."""

    def __init__(
        self, address: str, key: str | None = None, *, retries: int = 3, timeout: float = 5.0
    ) -> None:
        self.retries = retries
        self._http = httpx.AsyncClient(base_url=address, headers=_headers(key), timeout=timeout)

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _ask(self, path: str, question: Event) -> Answer:
        return Answer.of(await self._call(path, question))

    async def _send(self, batches: Sequence[Sequence[Event]]) -> Sent:
        return _sent([await self._call("/v1/events", batch) for batch in batches])

    async def _call(self, path: str, body: Any) -> Any:
        attempt = 0
        while True:
            found: Found
            try:
                found = await self._http.post(path, json=body)
                if found.is_success:
                    return found.json()
            except httpx.TransportError as error:
                found = error
            await asyncio.sleep(_pause(found, attempt, self.retries))
            attempt += 1


def _headers(key: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


def _batches(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    whole = [{"event_id": uuid.uuid4().hex, **event} for event in events]
    for first in range(0, len(whole), BATCH):
        yield whole[first : first + BATCH]


def _sent(answers: Sequence[Mapping[str, Any]]) -> Sent:
    """Of all batches; places are those among all events."""
    return Sent(
        sum(answer["accepted"] for answer in answers),
        sum(answer["duplicates"] for answer in answers),
        tuple(
            {**one, "index": one["index"] + BATCH * batch}
            for batch, answer in enumerate(answers)
            for one in answer["rejected"]
        ),
    )


def _pause(found: Found, attempt: int, retries: int) -> float:
    """Seconds until the next attempt. Raises ServiceError where there is none."""
    if isinstance(found, httpx.TransportError):
        passing, told = True, ""
    else:
        passing = found.status_code in PASSING
        told = found.headers.get("Retry-After", "")
    if not passing or attempt >= retries:
        raise _failure(found) from (found if isinstance(found, Exception) else None)
    doubled = 0.1 * 2**attempt * (0.5 + random.random())  # noqa: S311, so that not all come at once
    return min(float(told) if told.isdigit() else doubled, LONGEST)


def _failure(found: Found) -> ServiceError:
    if isinstance(found, httpx.TransportError):
        return ServiceError(0, str(found))
    try:
        problem = found.json()
        return ServiceError(found.status_code, problem["detail"], problem.get("errors", ()))
    except (ValueError, KeyError, TypeError):
        return ServiceError(found.status_code, found.text[:200])
