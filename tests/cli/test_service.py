"""`endcap serve` as a process."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from endcap.cli.app import run
from endcap.cli.service import _listen
from endcap.errors import EndcapError

SERVE = "import sys; from endcap.cli.app import run; sys.exit(run(['serve', *sys.argv[1:]]))"
VIEW = {"event_type": "view", "user_id": "ann", "item_id": "a"}


@contextmanager
def server(shop: Path, *more: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A running service and its address."""
    command = [sys.executable, "-c", SERVE, "--shop", str(shop), "--port", "0", *more]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603
    assert process.stderr is not None
    try:
        found = re.search(r"http://\S+:\d+", process.stderr.readline())
        assert found
        _wait(found[0])
        yield found[0], process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def children(pid: int) -> list[int]:
    """The processes of a service, oldest first."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def answering(pid: int) -> list[int]:
    """Those of them that answer: the one behind them learns in what time they leave."""

    def learns(one: int) -> bool:
        threads = Path(f"/proc/{one}/task").iterdir()
        return any(os.sched_getscheduler(int(thread.name)) == os.SCHED_IDLE for thread in threads)

    return [one for one in children(pid) if not learns(one)]


def _wait(address: str) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            httpx.get(f"{address}/healthz")
        except httpx.TransportError:
            assert time.monotonic() < end, "the service never came up"
            time.sleep(0.05)
        else:
            return


def test_an_acknowledged_event_survives_kill_9(tmp_path: Path) -> None:
    event = VIEW | {"event_id": "precious"}
    with server(tmp_path) as (address, process):
        answer = httpx.post(f"{address}/v1/events", json=event)
        for pid in (process.pid, *children(process.pid)):
            os.kill(pid, signal.SIGKILL)
        assert answer.json()["accepted"] == 1
    with server(tmp_path) as (address, process):
        again = httpx.post(f"{address}/v1/events", json=event)
        assert again.json() == {"accepted": 0, "duplicates": 1, "rejected": []}
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) in (0, -signal.SIGTERM)


def test_several_workers_share_the_store(tmp_path: Path) -> None:
    with server(tmp_path, "--workers", "2") as (address, process):
        for number in range(20):
            sent = httpx.post(f"{address}/v1/events", json=VIEW | {"event_id": f"e{number % 10}"})
            assert sent.json()["accepted"] == (number < 10)
        assert "What Endcap would show" in httpx.get(address).text
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


def test_limits_hold_for_all_workers_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "endcap.toml").write_text("[serve]\nkey_rate = 0.001\nkey_burst = 10\n")
    assert run(["keys", "create", "--scope", "collect", "--shop", str(tmp_path), "--json"]) == 0
    headers = {"Authorization": f"Bearer {json.loads(capsys.readouterr().out)['key']}"}
    with server(tmp_path, "--workers", "2") as (address, _):
        answers = [
            # A connection of its own, so that either worker may take it.
            httpx.post(f"{address}/v1/events", json=VIEW, headers=headers).status_code
            for _ in range(30)
        ]
    assert answers == [202] * 10 + [429] * 20


def test_others_are_not_let_in_without_a_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", "--shop", str(tmp_path), "--host", "0.0.0.0"]) == 1  # noqa: S104
    error = capsys.readouterr().err
    assert "--host 0.0.0.0 would let others in, and no API key has been created" in error
    assert "Expected 127.0.0.1, ::1 or localhost" in error


def test_with_a_key_others_may_come(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "create", "--scope", "collect", "--shop", str(tmp_path), "--json"]) == 0
    key = json.loads(capsys.readouterr().out)["key"]
    with server(tmp_path, "--host", "0.0.0.0") as (address, _):  # noqa: S104
        assert httpx.post(f"{address}/v1/events", json=VIEW).status_code == 401
        headers = {"Authorization": f"Bearer {key}"}
        assert httpx.post(f"{address}/v1/events", json=VIEW, headers=headers).status_code == 202
        assert httpx.get(f"{address}/metrics", headers=headers).status_code == 403


def test_a_port_that_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["serve", "--shop", str(tmp_path), "--port", str(port)]) == 1
    assert f"Can't listen at 127.0.0.1:{port}" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["..", "a" * 70, "no-such-host.invalid"])
def test_a_host_that_there_is_not(host: str) -> None:
    with pytest.raises(EndcapError, match=f"no address {re.escape(host)}: .*another --host"):
        _listen(host, 0, 1)


def test_a_store_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "live.sqlite").write_text("These are not the tables you are looking for. " * 99)
    assert run(["serve", "--shop", str(tmp_path)]) == 1
    assert "live.sqlite can't be used: file is not a database" in capsys.readouterr().err


def test_no_such_shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--shop", str(tmp_path / "none")]) == 1
    assert "There is no shop folder" in capsys.readouterr().err


def test_the_address_of_version_6_is_one_that_can_be_called(tmp_path: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("There is no IPv6 on this machine")
    with server(tmp_path, "--host", "::1") as (address, _):
        assert address.startswith("http://[::1]:")
        assert httpx.get(f"{address}/healthz").status_code == 200
