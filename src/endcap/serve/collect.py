"""Events that come in: the good ones are kept, the bad ones are named."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

from pydantic import ValidationError

from endcap.config import Clean
from endcap.serve.current import Current, now
from endcap.serve.incoming import SECOND, Event
from endcap.serve.problems import Problem, explained, sentence, short
from endcap.store.events import Row
from endcap.tables.schema import EVENT_TYPES

DAY = 86_400 * SECOND

MOST = 1_000
"""Events of a request."""


def collect(current: Current, body: Any) -> dict[str, Any]:
    """Keep what can be kept. Raises Problem 422 where the body is neither event nor list."""
    if not isinstance(body, list | dict) or (isinstance(body, list) and len(body) > MOST):
        raise _refusal(body)
    values = body if isinstance(body, list) else [body]
    moment = current.clock()
    rows: list[Row] = []
    answer: dict[str, Any] = {"rejected": [], "warnings": []}
    for index, value in enumerate(values):
        try:
            row = within(Event.model_validate(value).row(moment), current.shop.config.clean)
        except ValidationError as error:
            text = "; ".join(sentence(one) for one in explained(error))
            answer["rejected"].append({"index": index, "error": text})
        except ValueError as error:
            answer["rejected"].append({"index": index, "error": str(error)})
        else:
            rows.append(row)
            if row["event_type"] not in EVENT_TYPES:
                warning = f"event_type = {row['event_type']!r} is kept, but means nothing here"
                answer["warnings"].append({"index": index, "warning": warning})
    accepted, duplicates = current.live.append(rows)
    if not answer["warnings"]:
        del answer["warnings"]
    return {"accepted": accepted, "duplicates": duplicates} | answer


def _refusal(body: Any) -> Problem:
    came = f"a list of {len(body):,}" if isinstance(body, list) else type(body).__name__
    detail = f"The body is {came}. Expected one event or a list of up to {MOST:,}."
    return Problem(422, detail, [{"field": "", "value": short(body), "detail": detail}])


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
