"""The clock of the machine jumps back, as where it is set right."""

from __future__ import annotations

from pathlib import Path

from starlette.testclient import TestClient

from endcap.config import Shop
from endcap.serve.app import create
from endcap.serve.current import Current
from endcap.store.events import LiveEvents
from endcap.types import HOUR
from tests.serve.shops import NOW, QUICK
from tests.store.test_events import past


def test_the_clock_jumps_back(shop: Path) -> None:
    """All is answered, what was done before the jump still counts, and nothing is from later."""
    own = Shop.open(shop, QUICK)
    now = NOW
    current = Current(own, LiveEvents.open(own.live), clock=lambda: now)
    current.refresh()
    with TestClient(create(current)) as client:

        def act(item: str, kind: str = "purchase") -> None:
            event = {"event_type": kind, "user_id": "clara", "item_id": item}
            assert client.post("/v1/events", json=event).json()["accepted"] == 1

        def asked() -> tuple[str, list[str]]:
            answer = client.post("/v1/recommend", json={"user_id": "clara", "n": 12})
            assert answer.status_code == 200
            found = answer.json()
            return found["recommendation_id"], [one["item_id"] for one in found["items"]]

        act("item-01")
        _, before = asked()
        now -= HOUR
        act("item-02")
        id_, after = asked()
        assert "item-01" not in before + after, "what was taken before the jump is not shown again"
        assert "item-02" not in after
        assert client.post("/v1/events", json={"event_type": "view"}).json()["accepted"] == 0
        trace = client.get(f"/v1/recommendations/{id_}").json()
        assert trace["timestamp"] > NOW, "right after the newest event, not before it"
        times = [seen.time for seen in past(current.live, "clara", ["purchase"], 9)]
        assert times == [NOW - HOUR, NOW]
        current.learn()
        assert client.get("/readyz").json()["status"] == "ready"
