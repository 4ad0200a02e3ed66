"""A fit that is killed leaves the shop as it was, and the next one goes on to the same figures."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from endcap.config import Shop
from endcap.experiment.batch import recommend
from endcap.experiment.fit import fit
from endcap.store.releases import Releases

CHANGES = ("retrievers.sequence.epochs=12", "retrievers.sequence.patience=12", "seed=5")

MOMENTS = {
    "in the middle of an epoch": "runs/*/.ranker-sequence/network-[3-9]-[1-9].safetensors",
    "while the ranker is there and the retrievers learn again": "runs/*/validation-sequence*",
    "while the release is written": "releases/.*",
}
"""What appears in the shop folder at a moment."""


@pytest.fixture(scope="module")
def undisturbed(fitted: Shop, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The manifest of the same fit in a shop of its own."""
    folder = tmp_path_factory.mktemp("undisturbed")
    for part in ("endcap.toml", "prepared"):
        (folder / part).symlink_to(fitted.folder / part)
    return fit(Shop.open(folder, CHANGES))


def kill_when(folder: Path, there: str) -> None:
    """Run `endcap fit` in a process of its own until something is there; then kill it."""
    changes = [word for change in CHANGES for word in ("--set", change)]
    code = (
        "from endcap.nn import checkpoint; checkpoint.PAUSE = 0.0;"  # one after each step
        "from endcap.cli.app import main; main()"
    )
    command = [sys.executable, "-c", code, "fit", "--shop", str(folder), *changes]
    run = subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not any(folder.glob(there)):
        assert run.poll() is None, run.communicate()
        time.sleep(0.001)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    assert run.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    "there",
    [
        pytest.param(there, id=name, marks=[pytest.mark.slow] if place else [])
        for place, (name, there) in enumerate(MOMENTS.items())
    ],
)
def test_a_killed_fit(copy: Callable[..., Shop], undisturbed: dict[str, Any], there: str) -> None:
    shop = copy(*CHANGES)
    releases = Releases(shop.releases)
    live, before = releases.live(), recommend(shop, ["u01"], 5)
    kill_when(shop.folder, there)
    assert releases.live() == live
    for name in releases.names():
        releases.verify(name)
    assert recommend(shop, ["u01"], 5) == before
    manifest = fit(shop)
    for same in ("metrics", "protocol", "data", "refit"):
        assert manifest[same] == undisturbed[same]
    assert len(releases.names()) == 2
    # Nothing of the killed run is left.
    assert [path.name for path in shop.runs.iterdir()] == ["curves"]
    assert not [*shop.releases.glob(".*")]


def test_what_is_done_is_not_done_again(
    copy: Callable[..., Shop], undisturbed: dict[str, Any]
) -> None:
    """An interruption while the weights are chosen, as by Ctrl-C."""
    shop, again = copy(*CHANGES), set[str]()

    def interrupt(step: str, share: float) -> None:
        if step == "choosing weights":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(shop, report=interrupt)
    manifest = fit(shop, report=lambda step, share: again.add(step.split("-")[0]))
    assert not again & {"ranker", "order", "validation"}
    assert manifest["metrics"] == undisturbed["metrics"]


def test_fresh_begins_anew(copy: Callable[..., Shop]) -> None:
    shop, steps = copy(*CHANGES), set[str]()

    def interrupt(step: str, share: float) -> None:
        if step == "choosing weights":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(shop, report=interrupt)
    fit(shop, resume=False, report=lambda step, share: steps.add(step.split("-")[0]))
    assert {"ranker", "order", "validation", "live"} <= steps
