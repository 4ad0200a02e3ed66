"""Processes that are killed under load. The slow tests kill a hundred times in all."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.faults.service import Load, lost, served, wait_for


@pytest.mark.parametrize("times", [2, pytest.param(60, marks=pytest.mark.slow)])
def test_a_process_is_killed(shop: Path, times: int) -> None:
    """One after the other: workers, and the one behind them."""
    with served(shop, workers=2) as service:
        with Load(service.address) as load:
            for _ in range(times):
                wait_for(lambda: len(service.pids()) == 3)
                victim = service.pids()[0]
                load.more(5)
                os.kill(victim, signal.SIGKILL)
                load.more(5)
                wait_for(lambda victim=victim: victim not in service.pids())
        assert not load.refused
        assert not load.turned_away
    assert load.acknowledged
    assert not lost(shop, load.acknowledged)


@pytest.mark.parametrize("times", [1, pytest.param(40, marks=pytest.mark.slow)])
def test_the_whole_service_is_killed(shop: Path, times: int) -> None:
    """And started again, as systemd does."""
    with served(shop, workers=2) as service:
        with Load(service.address) as load:
            for _ in range(times):
                load.more(5)
                service.kill()
                service.start()
                load.more(5)
        assert not load.refused
        assert not load.turned_away
    assert load.acknowledged
    assert not lost(shop, load.acknowledged)
