"""A database server that goes away, that is slow, and that says nothing at all."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.faults.proxy import between
from tests.faults.service import Load, lost, served, wait_for
from tests.store.postgres import Postgres

SOON = 5.0
"""Seconds that no recommendation takes longer; much more than it should, as machines that run
tests have other things to do."""


def test_a_server_that_is_stopped_and_started(
    shop: Path, own: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = own.database()
    monkeypatch.setenv("ENDCAP_DATABASE_URL", address)
    with served(shop, ENDCAP_DATABASE_URL=address) as service:
        with Load(service.address) as load:
            load.more()
            own.stop()
            wait_for(lambda: load.turned_away[503] >= 3)
            load.more()
            own.start()
            kept = len(load.acknowledged)
            wait_for(lambda: len(load.acknowledged) >= kept + 20, service.told)
        assert not load.refused
        assert set(load.turned_away) == {503}
        assert load.slowest < SOON
    assert not lost(shop, load.acknowledged)


@pytest.mark.slow
@pytest.mark.parametrize("delay", [pytest.param(0.3, id="slow"), pytest.param(None, id="silent")])
def test_a_server_that_takes_long(
    shop: Path, postgres: Postgres, delay: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recommendations do without it; an event is kept or turned away, never in between."""
    address = postgres.database()
    monkeypatch.setenv("ENDCAP_DATABASE_URL", address)
    with (
        TemporaryDirectory(dir="/tmp") as folder,
        between(address, Path(folder)) as (proxy, proxied),
        served(shop, ENDCAP_DATABASE_URL=proxied) as service,
    ):
        with Load(service.address) as load:
            load.more()
            proxy.delay = delay
            load.more(40)
            if delay is None:
                wait_for(lambda: load.turned_away[503] >= 3)
            proxy.delay = 0.0
            kept = len(load.acknowledged)
            wait_for(lambda: len(load.acknowledged) >= kept + 20, service.told)
        assert not load.refused
        assert set(load.turned_away) <= {503}
        assert load.slowest < SOON
    assert not lost(shop, load.acknowledged)
