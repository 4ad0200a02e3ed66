"""What an event must be to be kept."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    FiniteFloat,
    StringConstraints,
    model_validator,
)

from endcap.serve.bodies import Strict
from endcap.store.events import Row
from endcap.store.people import text_of
from endcap.tables.schema import EVENT_TYPES

SECOND = 1_000_000

WITH_ITEM = frozenset(EVENT_TYPES) - {"search", "begin_checkout"}
"""Event types that mean nothing without an item."""

CONTEXT = 10_000
"""Characters of an event's context."""

EXPECTED = "expected seconds, milliseconds or microseconds since 1970, or RFC 3339 text"


def blank(value: Any) -> Any:
    """Trackers send an empty text for someone who is not signed in."""
    return None if isinstance(value, str) and not value.strip() else value


def moment(value: Any) -> Any:
    """Seconds, milliseconds, microseconds or RFC 3339 → UTC microseconds.

    >>> moment(1_700_000_000), moment("2023-11-14T23:13:20+01:00")
    (1700000000000000, 1700000000000000)
    """
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return _from_text(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e17:
        raise ValueError(EXPECTED)
    scale = SECOND if value < 1e11 else 1_000 if value < 1e14 else 1
    return round(value * scale)


def _from_text(text: str) -> int:
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ValueError(EXPECTED) from error
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return round((aware - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * SECOND)


def writable(text: str) -> str:
    """PostgreSQL can't keep a zero byte in a text; nor can anyone see it."""
    if "\0" in text:
        raise ValueError("expected no character U+0000")
    return text


def brief(characters: int) -> AfterValidator:
    """Of an object: as JSON it has no more characters."""

    def check(value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value and len(text_of(value) or "") > characters:
            raise ValueError(f"expected at most {characters:,} characters")
        return value

    return AfterValidator(check)


Id = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500, strip_whitespace=True),
    AfterValidator(writable),
]
VisitorId = Annotated[Id | None, BeforeValidator(blank)]
Kind = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(writable)]
_Text = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(writable)]
Text = _Text | None
Number = FiniteFloat | None
Moment = Annotated[
    int | None, BeforeValidator(lambda value: None if value is None else moment(value))
]


class Event(Strict):
    """Something that a visitor did."""

    event_type: Kind = Field(
        description=f"{', '.join(EVENT_TYPES)}; others are kept and mean nothing"
    )
    event_id: VisitorId = Field(None, description="sent twice, it counts once; else the content is")
    user_id: VisitorId = Field(None, description="someone signed in; one of these three is needed")
    anonymous_id: VisitorId = Field(None, description="a device")
    session_id: VisitorId = Field(None, description="a visit")
    item_id: VisitorId = Field(None, description="needed, but for a search or a begin_checkout")
    timestamp: Moment = Field(
        None,
        description="seconds, milliseconds or microseconds since 1970, or RFC 3339; now if missing",
    )
    value: Number = Field(None, description="what it is worth to you, or the stars of a rate")
    quantity: Number = Field(None, description="how many")
    price: Number = Field(None, description="of one")
    currency: Text = Field(None, description="of the price: EUR, say")
    position: int | None = Field(
        None, ge=-(2**31), lt=2**31, description="place in the list that was shown, from 1"
    )
    placement: Text = Field(None, description="where in the shop it happened")
    recommendation_id: Text = Field(None, description="of the answer that led to it")
    query: Text = Field(None, description="what was searched for")
    context: Annotated[dict[str, Any] | None, brief(CONTEXT)] = Field(
        None, description="anything else"
    )

    @model_validator(mode="after")
    def _whole(self) -> Event:
        if not (self.user_id or self.anonymous_id or self.session_id):
            raise ValueError("one of user_id, anonymous_id, session_id is needed")
        if self.event_type in WITH_ITEM and not self.item_id:
            raise ValueError(f"a {self.event_type} needs an item_id")
        return self

    def row(self, now: int) -> Row:
        """As the table of events has it. now: the moment that an event without one gets."""
        row = dict(vars(self))  # its fields are plain, and to dump them takes ten times as long
        row["context"] = text_of(self.context)
        row["timestamp"] = now if self.timestamp is None else self.timestamp
        row["event_id"] = self.event_id or digest(row)
        return row


def digest(row: Row) -> str:
    """An id made from the content: the same event sent twice has the same."""
    return hashlib.sha256(str(text_of(row)).encode()).hexdigest()[:32]
