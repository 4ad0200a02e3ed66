"""Releases that change while visitors ask: good ones, and ones that are broken."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from endcap.config import Shop
from endcap.store.releases import Releases
from tests.faults.service import Load, served, wait_for
from tests.serve.shops import QUICK, release

SOON = 5.0
"""Seconds; see test_postgres."""


@pytest.fixture
def releases(shop: Path) -> Releases:
    """`first` is live, `second` is not."""
    release(Shop.open(shop, QUICK), "second")
    found = Releases(shop / "releases")
    found.promote("first")
    return found


def tamper(folder: Path) -> None:
    """Change one bit of the largest file."""
    file = max(
        (one for one in folder.rglob("*") if one.is_file()), key=lambda one: one.stat().st_size
    )
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_a_release_is_swapped_under_load(shop: Path, releases: Releases) -> None:
    """There and back: nobody is turned away, and nobody waits."""
    with served(shop) as service:
        with Load(service.address) as load:
            for name, go in (
                ("second", lambda: releases.promote("second")),
                ("first", releases.rollback),
            ):
                load.more()
                go()
                wait_for(lambda name=name: service.ready()["release"] == name, service.told)
                load.more()
        assert not load.refused
        assert load.slowest < SOON


def test_a_tampered_release_is_refused(shop: Path, releases: Releases) -> None:
    """The old one goes on, and both `/readyz` and the log say why."""
    with served(shop) as service:
        with Load(service.address) as load:
            tamper(releases.path("second"))
            (releases.folder / "live").write_text("second")  # past the check of `promote`
            wait_for(lambda: "trouble" in service.ready(), service.told)
            load.more()
        assert not load.refused
        assert service.ready()["release"] == "first"
        assert "Release second is damaged" in service.ready()["trouble"]
        assert "Release second is damaged" in service.told()
        releases.promote("first")
        wait_for(lambda: "trouble" not in service.ready())


def test_a_service_that_begins_with_a_broken_release(shop: Path, releases: Releases) -> None:
    """The one that was live before it answers."""
    releases.promote("second")
    shutil.rmtree(releases.path("second") / "live" / "catalogue")
    with served(shop) as service, Load(service.address) as load:
        load.more(5)
        assert service.ready()["release"] == "first"
        assert "damaged" in service.ready()["trouble"]
    assert not load.refused
