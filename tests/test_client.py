"""The clients against a running service."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from endcap.client import AsyncClient, Client, ServiceError
from endcap.config import Shop
from tests.cli.test_service import server
from tests.serve.shops import released_shop

ROOT = Path(__file__).parents[1]

VIEW = {"event_type": "view", "anonymous_id": "zoe", "item_id": "item-05"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return released_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def address(shop: Shop) -> Iterator[str]:
    with server(shop.folder) as (address, _):
        with Client(address, retries=30) as client:
            client.recommend(n=1)  # until the release is loaded
        yield address


def test_ask_and_send(address: str) -> None:
    with Client(address) as client:
        answer = client.recommend(user_id="user-03", n=3, explain=True)
        assert (len(answer.items), answer.release, answer.path) == (3, "first", "full")
        assert answer.items[0].more["reason"]["text"]
        sent = client.send(VIEW, {"event_type": "view"})
        assert (sent.accepted, sent.duplicates) == (1, 0)
        assert sent.rejected[0]["index"] == 1
        assert client.similar("item-05", n=2).items


def test_an_answer_may_hold_fewer_items_than_were_asked_for(address: str) -> None:
    with Client(address) as client:
        assert client.recommend(n=3).fewer is None
        answer = client.recommend(n=50)
    assert answer.fewer is not None
    assert answer.fewer["found"] == len(answer.items) < 50


def test_the_same_with_await(address: str) -> None:
    async def ask() -> None:
        async with AsyncClient(address) as client:
            assert (await client.recommend(user_id="user-03", n=3)).recommendation_id
            assert (await client.send(VIEW, VIEW)).accepted == 2
            assert (await client.similar("item-05", n=2)).items

    asyncio.run(ask())


def test_many_events_go_in_batches(address: str) -> None:
    events = [{**VIEW, "event_id": f"many-{number}"} for number in range(1_001)]
    with Client(address) as client:
        sent = client.send(*events, {"event_type": "view"})
        assert (sent.accepted, sent.rejected[0]["index"]) == (1_001, 1_001)
        assert client.send(*events).duplicates == 1_001


def test_what_is_wrong_is_told_at_once(address: str) -> None:
    with Client(address) as client, pytest.raises(ServiceError, match="n = 0") as caught:
        client.recommend(n=0)
    assert caught.value.status == 422
    assert caught.value.errors[0]["field"] == "n"


class Busy(BaseHTTPRequestHandler):
    """Answers only the third attempt, and keeps what was sent."""

    seen: ClassVar[list[Any]] = []

    def do_POST(self) -> None:
        self.seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        done = len(self.seen) % 3 == 0
        body = b'{"accepted": 1, "duplicates": 0, "rejected": []}' if done else b"busy"
        self.send_response(202 if done else 503)
        self.send_header("Retry-After", "0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nobody reads it."""


@pytest.fixture
def busy() -> Iterator[str]:
    Busy.seen.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_event_that_is_sent_again_is_the_same_event(busy: str) -> None:
    with Client(busy) as client:
        assert client.send(VIEW).accepted == 1
    assert len(Busy.seen) == 3
    assert len({events[0]["event_id"] for events in Busy.seen}) == 1


def test_it_does_not_try_for_ever(busy: str) -> None:
    with Client(busy, retries=1) as client, pytest.raises(ServiceError, match="503: busy"):
        client.send(VIEW)
    with (
        Client("http://127.0.0.1:9", retries=1) as client,
        pytest.raises(ServiceError, match="No answer"),
    ):
        client.send(VIEW)


SCRIPT = """
import { Endcap, ServiceError } from "MODULE";
const [address, busy] = process.argv.slice(2);
const endcap = new Endcap(address);
const answer = await endcap.recommend({ user_id: "user-03", n: 3 });
const view = { event_type: "view", anonymous_id: "js", item_id: "item-05" };
const sent = await endcap.send([view, { event_type: "view" }]);
const similar = await endcap.similar("item-05", { n: 2 });
const wrong = await endcap.recommend({ n: 0 }).catch((error) => error);
const again = await new Endcap(busy).send(view);
const away = await new Endcap("http://127.0.0.1:9", { retries: 0 }).send(view).catch((e) => e);
console.log(JSON.stringify({
  items: answer.items.length, sent, similar: similar.items.length > 0,
  wrong: [wrong instanceof ServiceError, wrong.status, wrong.errors[0].field],
  again: again.accepted, away: away.status,
}));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node here")
def test_the_client_for_pages(address: str, busy: str, tmp_path: Path) -> None:
    script = tmp_path / "script.mjs"
    script.write_text(SCRIPT.replace("MODULE", str(ROOT / "clients" / "endcap.js")))
    node = subprocess.run(  # noqa: S603
        ["node", str(script), address, busy],  # noqa: S607
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert node.returncode == 0, node.stderr
    found = json.loads(node.stdout)
    assert found["items"] == 3
    assert (found["sent"]["accepted"], found["sent"]["rejected"][0]["index"]) == (1, 1)
    assert found["similar"]
    assert found["wrong"] == [True, 422, "n"]
    assert (found["again"], found["away"]) == (1, 0)
    assert len({events[0]["event_id"] for events in Busy.seen}) == 1
