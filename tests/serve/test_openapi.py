"""The service as openapi.json says it is: whatever is sent, no answer that is not written there.

What is made up for it comes from the descriptions alone, valid and invalid.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from endcap.config import Shop
from endcap.serve.app import create
from endcap.serve.current import Current
from endcap.store.events import LiveEvents
from tests.serve.shops import NOW

FREE = [
    # Descriptions can't say all: a filter is a text with a grammar, a placement one of the shop's.
    positive_data_acceptance,
    # Numbers are taken for ids, and what trackers send with an event for a text.
    negative_data_rejection,
]
"""Checks that are left out, and why."""

REAL = {
    "placement": "home",
    "filter": 'price < 5 and not brand == "Acme"',
    "language": "zh",
    "release": "first",
    "fields": ["title", "attributes", "price"],
    "after": None,
}
"""Values of fields by which more than refusals come back."""

pytestmark = pytest.mark.slow


@pytest.fixture
def schema(own: Shop) -> Iterator[Any]:
    current = Current(own, LiveEvents.open(own.live), clock=lambda: NOW)
    current.refresh()
    yield schemathesis.openapi.from_asgi("/openapi.json", create(current))
    current.live.close()


def sensible(value: Any) -> Any:
    """With real values of the fields for which chance finds none."""
    if isinstance(value, dict):
        return {name: REAL.get(name, part) for name, part in value.items()}
    return value


@pytest.mark.parametrize(
    ("mode", "real"),
    [
        (GenerationMode.POSITIVE, False),
        (GenerationMode.POSITIVE, True),
        (GenerationMode.NEGATIVE, False),
    ],
    ids=["valid", "sensible", "invalid"],
)
def test_every_answer_is_documented(schema: Any, mode: GenerationMode, real: bool) -> None:
    asked = set()
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(max_examples=25, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def holds(case: Any) -> None:
            if real:
                case.body, case.query = sensible(case.body), sensible(case.query)
            response = case.call_and_validate(excluded_checks=FREE)
            assert response.status_code < 500

        with suppress(Unsatisfiable):  # what takes nothing can't be sent anything invalid
            holds()
            asked.add(operation.label)
    assert {"POST /v1/events", "PATCH /v1/items/{item_id}", "POST /v1/rank"} <= asked
    assert mode is GenerationMode.NEGATIVE or len(asked) >= 20
