"""A batch of events in which nearly everything is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from endcap.config import Shop
from tests.serve.shops import QUICK, serving

VIEW = {"event_type": "view", "user_id": "ann", "item_id": "item-01"}

POISON: list[Any] = [
    None,
    [],
    "view",
    {},
    VIEW | {"user_id": "a\0b"},
    VIEW | {"query": "\0"},
    VIEW | {"placement": "x" * 100_000},
    VIEW | {"event_type": "\0"},
    VIEW | {"event_type": ["view"]},
    VIEW | {"timestamp": 10**400},
    VIEW | {"timestamp": -(2**63)},
    VIEW | {"timestamp": "'; DROP TABLE events; --"},
    VIEW | {"price": 1e999},
    VIEW | {"price": 10**400},
    VIEW | {"position": 2**31},
    VIEW | {"position": 2**200},
    VIEW | {"context": "{}"},
    VIEW | {"context": {"a": "x" * 10_001}},
    VIEW | {"__proto__": {"admin": True}},
]
FINE: list[Any] = [
    VIEW | {"event_id": "'; DROP TABLE events; --"},
    VIEW | {"event_id": "2", "user_id": "安娜\u202e\ufffd", "query": "\x01\x1f\u2028"},
    VIEW | {"event_id": "3", "context": {"a\0": "\0", "页": [None, 1e300]}},
    VIEW | {"event_id": "4", "price": -1e300, "position": -(2**31), "timestamp": 1e9},
    VIEW | {"event_id": "5" * 500, "item_id": "𝔘" * 500},
]


def test_a_poisoned_batch(shop: Path, where: Path | str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bad rows are named, and take no good one down; on either database."""
    if isinstance(where, str):
        monkeypatch.setenv("ENDCAP_DATABASE_URL", where)
    with serving(Shop.open(shop, QUICK)) as (client, _):
        batch = [one for both in zip(POISON, FINE * 4, strict=False) for one in both]
        body = json.dumps(batch).replace("Infinity", "1e999")
        answer = client.post("/v1/events", content=body)
        assert answer.status_code == 202, answer.text
        found = answer.json()
        assert found["accepted"] == len(FINE)
        assert found["duplicates"] == len(POISON) - len(FINE)
        assert [one["index"] for one in found["rejected"]] == list(range(0, len(batch), 2))
        assert client.post("/v1/events", json=VIEW | {"event_id": "6"}).json()["accepted"] == 1
        assert client.post("/v1/recommend", json={"user_id": "安娜\u202e\ufffd"}).status_code == 200
        assert client.get("/v1/recommendations/%00").status_code == 404
