"""Events that come in: the good ones are kept, the bad ones are named."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

from pydantic import ValidationError

from endcap.config import Clean
from endcap.serve.bodies import several
from endcap.serve.current import Current, now
from endcap.serve.incoming import SECOND, Event
from endcap.serve.problems import told
from endcap.store.events import Row
from endcap.tables.schema import EVENT_TYPES

DAY = 86_400 * SECOND


def collect(current: Current, body: Any) -> dict[str, Any]:
    """Keep what can be kept. Raises Problem 422 where the body is neither event nor list."""
    moment, clean = current.clock(), current.shop.config.clean
    rows: list[Row] = []
    answer: dict[str, Any] = {"rejected": [], "warnings": []}
    for index, value in enumerate(several(body, "event")):
        try:
            rows.append(row := checked(value, moment, clean))
        except ValueError as error:
            answer["rejected"].append({"index": index, "error": str(error)})
            continue
        if row["event_type"] not in EVENT_TYPES:
            warning = f"event_type = {row['event_type']!r} is kept, but means nothing here"
            answer["warnings"].append({"index": index, "warning": warning})
    accepted, duplicates = current.live.append(rows)
    if not answer["warnings"]:
        del answer["warnings"]
    return {"accepted": accepted, "duplicates": duplicates} | answer


def checked(value: Any, moment: int, clean: Clean) -> Row:
    """An event as the table has it. moment: that of an event without one. Raises ValueError that
    says what is wrong."""
    try:
        return within(Event.model_validate(value).row(moment), clean)
    except ValidationError as error:
        raise ValueError(told(error)) from error


def within(row: Row, clean: Clean) -> Row:
    """The row, if its time is possible by the same settings as for imported events."""
    if row["timestamp"] < _begin(clean.earliest):
        raise ValueError(f"timestamp = {row['timestamp']}: before {clean.earliest}")
    if row["timestamp"] > now() + clean.future * DAY:
        raise ValueError(f"timestamp = {row['timestamp']}: more than {clean.future:g} days ahead")
    return row


@cache
def _begin(day: str) -> float:
    return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * SECOND
