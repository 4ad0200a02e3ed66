"""POST /v1/events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from endcap.config import Shop
from endcap.serve.event_schema import Event, moment
from endcap.store.clock import now
from endcap.store.events import LiveEvents
from endcap.tables.schema import EVENTS
from tests.serve.shops import NOW, serving
from tests.tables.raw_shop import DAY

VIEW = {"event_type": "view", "user_id": "ann", "item_id": "item-01"}


def kept(client: TestClient, *events: object) -> dict[str, Any]:
    answer = client.post("/v1/events", json=list(events))
    assert answer.status_code == 202
    found: dict[str, Any] = answer.json()
    return found


def test_one_event_or_a_list(client: TestClient) -> None:
    one = client.post("/v1/events", json=VIEW | {"event_id": "single"})
    assert (one.status_code, one.json()) == (202, {"accepted": 1, "duplicates": 0, "rejected": []})
    two = kept(client, VIEW | {"event_id": "single"}, VIEW | {"event_id": "other"})
    assert two == {"accepted": 1, "duplicates": 1, "rejected": []}
    assert kept(client) == {"accepted": 0, "duplicates": 0, "rejected": []}


def test_the_event_knows_the_columns_of_the_table() -> None:
    assert set(Event.model_fields) == set(EVENTS.names)


def test_bad_rows_never_take_good_ones_down(client: TestClient) -> None:
    bad = [
        7,
        {},
        VIEW | {"user_id": ""},
        VIEW | {"timestamp": "yesterday"},
        VIEW | {"timestamp": now() + 2 * DAY},
        VIEW | {"timestamp": 100},
        VIEW | {"price": "cheap"},
        VIEW | {"visitorid": "ann"},
        VIEW | {"item_id": None},
        VIEW | {"context": {"long": "x" * 20_000}},
        VIEW | {"user_id": "a\0b"},
        VIEW | {"query": "a\0b"},
    ]
    answer = kept(client, VIEW | {"event_id": "good 1"}, *bad, VIEW | {"event_id": "good 2"})
    assert answer["accepted"] == 2
    errors = {one["index"]: one["error"] for one in answer["rejected"]}
    assert list(errors) == list(range(1, len(bad) + 1))
    assert "event_type" in errors[2]
    assert "one of user_id, anonymous_id, session_id is needed" in errors[3]
    assert "timestamp = 'yesterday': expected seconds, milliseconds" in errors[4]
    assert "days ahead" in errors[5]
    assert "before 1995-01-01" in errors[6]
    assert "price = 'cheap'" in errors[7]
    assert "visitorid = 'ann'" in errors[8]
    assert "a view needs an item_id" in errors[9]


def test_an_event_is_whole_on_the_disk(client: TestClient, shop: Shop) -> None:
    full = {
        **VIEW,
        "event_id": "full",
        "user_id": 4711,
        "timestamp": "2020-11-01T12:00:00+01:00",
        "price": 2.5,
        "position": 3,
        "context": {"页": "首页"},
    }
    kept(client, full)
    live = LiveEvents.open(shop.live)
    with live.database.engine.connect() as connection:
        row = connection.exec_driver_sql("SELECT * FROM events WHERE event_id = 'full'").mappings()
        found = dict(row.one())
    live.close()
    assert found["user_id"] == found["visitor"] == "4711"
    assert found["timestamp"] == 1_604_228_400_000_000
    assert json.loads(found["context"]) == {"页": "首页"}
    assert (found["price"], found["position"], found["currency"]) == (2.5, 3, None)


def test_without_an_id_the_content_is_the_id(client: TestClient) -> None:
    event = VIEW | {"user_id": "dora", "timestamp": NOW // 1_000_000}
    assert kept(client, event, event)["duplicates"] == 1
    assert kept(client, event | {"timestamp": NOW // 1_000})["duplicates"] == 1
    assert kept(client, event | {"item_id": "item-02"})["accepted"] == 1


def test_other_event_types_are_kept_with_a_warning(client: TestClient) -> None:
    answer = kept(client, {"event_type": "wave", "user_id": "eve"})
    assert answer["accepted"] == 1
    assert answer["warnings"][0]["warning"].startswith("event_type = 'wave' is kept")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "not valid JSON"),
        (b"", "not valid JSON"),
        (b"\xff", "not valid JSON"),
        (b'{"event_type": NaN}', "not valid JSON"),
        (b'"\\ud800"', "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"42", "Expected one event or a list of up to 1,000"),
        (b"null", "Expected one event or a list of up to 1,000"),
        (b"[" + b"{}," * 1_000 + b"{}]", "a list of 1,001"),
    ],
)
def test_a_body_that_is_no_list_of_events_is_a_problem(
    client: TestClient, body: bytes, said: str
) -> None:
    answer = client.post("/v1/events", content=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["detail"]


def test_a_body_is_bounded(client: TestClient) -> None:
    answer = client.post("/v1/events", content=b" " * 4_000_001)
    assert (answer.status_code, answer.json()["title"][:7]) == (413, "Request")


def test_events_are_taken_in_before_there_is_a_release(bare: Shop) -> None:
    with serving(bare) as (client, _):
        assert kept(client, VIEW)["accepted"] == 1


def test_a_store_that_fails_says_to_send_again(bare: Shop) -> None:
    with serving(bare) as (client, current):
        with current.live.database.engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE events")
        answer = client.post("/v1/events", json=VIEW)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "send it again" in answer.json()["detail"]


@pytest.mark.parametrize(
    "value",
    [1_700_000_000, 1_700_000_000.0, "1700000000", 1_700_000_000_000, 1_700_000_000_000_000,
     "2023-11-14T22:13:20Z", "2023-11-14 22:13:20", "2023-11-15T06:13:20+08:00"],
)  # fmt: skip
def test_every_way_to_write_a_moment(value: object) -> None:
    assert moment(value) == 1_700_000_000_000_000


@pytest.mark.parametrize("value", ["", "soon", True, -1, "nan", "1e300", 10**30, [], "2023-13-01"])
def test_what_is_no_moment(value: object) -> None:
    with pytest.raises(ValueError, match="expected seconds, milliseconds or microseconds"):
        moment(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
NEARLY = st.fixed_dictionaries(
    {"event_type": st.sampled_from(["view", "purchase"]) | JSON, "user_id": st.text() | JSON},
    optional={name: st.text() | st.integers() | st.floats() | JSON for name in EVENTS.names[3:]},
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=JSON | NEARLY | st.lists(NEARLY, max_size=3))
def test_nothing_that_is_sent_breaks_the_service(client: TestClient, body: object) -> None:
    answer = client.post("/v1/events", content=json.dumps(body))
    assert answer.status_code in (202, 422)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    body=st.dictionaries(
        st.sampled_from(["user_id", "items", "events", "placement", "n", "exclude", "fields"]),
        JSON | st.lists(st.text()) | st.integers(0, 100) | st.lists(NEARLY, max_size=2),
    )
    | JSON
)
def test_nothing_that_is_asked_breaks_the_service(client: TestClient, body: object) -> None:
    assert client.post("/v1/recommend", content=json.dumps(body)).status_code in (200, 422)
    assert client.post("/v1/similar", content=json.dumps(body)).status_code in (200, 404, 422)
