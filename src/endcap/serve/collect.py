"""Events that come in: the good ones are kept, the bad ones are named."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from endcap.config import Clean
from endcap.serve.bodies import parsed, several
from endcap.serve.current import Current
from endcap.serve.event_schema import Event
from endcap.serve.problems import told
from endcap.store.clock import now
from endcap.store.events import Row
from endcap.tables.schema import EVENT_TYPES
from endcap.types import DAY

LONG = 2_000
"""Characters of a body, some five events, from which on it is read on a thread."""


async def collect(current: Current, text: bytes) -> dict[str, Any]:
    """Keep what can be kept. Raises Problem 422 where the body is neither event nor list.

    What takes long to read is read off the event loop; what doesn't would take longer to hand over.
    """
    many = len(text) > LONG
    rows, answer = await run_in_threadpool(read, current, text) if many else read(current, text)
    accepted, duplicates = await current.live.appended(rows)
    return {"accepted": accepted, "duplicates": duplicates} | answer


def read(current: Current, text: bytes) -> tuple[list[Row], dict[str, Any]]:
    """The events of a body that can be kept, and what is said of the others."""
    moment, clean = current.clock(), current.shop.config.clean
    rows: list[Row] = []
    answer: dict[str, Any] = {"rejected": [], "warnings": []}
    for index, value in enumerate(several(parsed(text), "event")):
        try:
            rows.append(row := checked(value, moment, clean))
        except ValueError as error:
            answer["rejected"].append({"index": index, "error": str(error)})
            continue
        if row["event_type"] not in EVENT_TYPES:
            warning = f"event_type = {row['event_type']!r} is kept, but means nothing here"
            answer["warnings"].append({"index": index, "warning": warning})
    if not answer["warnings"]:
        del answer["warnings"]
    return rows, answer


def checked(value: Any, moment: int, clean: Clean) -> Row:
    """An event as the table has it. moment: that of an event without one. Raises ValueError that
    says what is wrong."""
    try:
        return within(Event.model_validate(value).row(moment), clean)
    except ValidationError as error:
        raise ValueError(told(error)) from error


def within(row: Row, clean: Clean) -> Row:
    """The row, if its time is possible by the same settings as for imported events."""
    if row["timestamp"] < clean.begins:
        raise ValueError(f"timestamp = {row['timestamp']}: before {clean.earliest}")
    if row["timestamp"] > now() + clean.future * DAY:
        raise ValueError(f"timestamp = {row['timestamp']}: more than {clean.future:g} days ahead")
    return row
