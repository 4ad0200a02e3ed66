"""A fit that runs out of disk or memory says so, and loses nothing that was there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from endcap.config import Shop
from endcap.experiment.fit import fit
from endcap.store.releases import Releases

resource = pytest.importorskip("resource", reason="limits of a process are a matter of Unix")

LIMITED = """
import resource, sys
from pathlib import Path
import endcap.experiment.fit, endcap.retrievers.sequence  # what is loaded counts for nothing
from endcap.cli.app import main

what, room = sys.argv.pop(1), int(sys.argv.pop(1))
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
limit = room + (taken if what == "AS" else 0)
resource.setrlimit(getattr(resource, f"RLIMIT_{what}"), (limit, limit))
main()
"""


def fit_with(shop: Shop, what: str, room: int, *changes: str) -> subprocess.CompletedProcess[str]:
    """`endcap fit` in a process that may have files of `room` bytes (FSIZE), or so much more
    memory (AS)."""
    sets = [word for change in changes for word in ("--set", change)]
    command = [sys.executable, "-c", LIMITED, what, str(room), "fit", *sets]
    return subprocess.run(  # noqa: S603
        [*command, "--shop", str(shop.folder)], check=False, capture_output=True, text=True
    )


def whole(shop: Shop) -> None:
    """The release that was there is, and no draft lies about."""
    releases = Releases(shop.releases)
    (only,) = releases.names()
    releases.verify(only)
    assert releases.live() == only
    assert not [*drafts(shop)]


def drafts(shop: Shop) -> Iterator[Path]:
    yield from shop.releases.glob(".*")
    yield from shop.runs.glob("*/*.draft")
    yield from shop.runs.glob("*/.*/.*")


def test_a_full_disk(copy: Callable[..., Shop]) -> None:
    """While the first checkpoint of a network is written; then there is room, and it goes on."""
    changes = ("retrievers.sequence.dim=128", "seed=3")
    shop = copy(*changes)
    run = fit_with(shop, "FSIZE", 400_000, *changes)
    assert run.returncode == 1
    reason = run.stderr.splitlines()[-1]
    assert reason.startswith("Error: Fitting ranker-sequence: no room on the disk (")
    assert "Make room; what is done is kept" in reason
    whole(shop)
    assert list(shop.runs.glob("*/ranker-popular/state.safetensors"))
    again = set[str]()
    fit(shop, report=lambda step, share: again.add(step.split(":")[0]))
    assert "ranker-popular" not in again
    assert len(Releases(shop.releases).names()) == 2


def test_no_memory(copy: Callable[..., Shop]) -> None:
    changes = ("retrievers.sequence.dim=2000",)
    shop = copy(*changes)
    run = fit_with(shop, "AS", 600_000_000, *changes)
    assert run.returncode == 1
    reason = run.stderr.splitlines()[-1]
    assert reason.startswith("Error: Fitting ranker-sequence: no memory left (")
    assert "tokens, batch or dim above all" in reason
    whole(shop)
