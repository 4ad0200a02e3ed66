"""`endcap fit` in two processes that torchrun starts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from endcap.config import Shop
from endcap.experiment.fit import fit
from endcap.retrievers.sequence import Sequence
from endcap.store.releases import Releases

# Only by the chance of dropout do two processes differ from one.
CHANGES = (
    "seed=7",
    "retrievers.sequence.embedding_dropout=0",
    "retrievers.sequence.network.dropout=0",
)

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2")


def fit_together(folder: Path) -> subprocess.CompletedProcess[str]:
    changes = [word for change in CHANGES for word in ("--set", change)]
    command = [*TORCHRUN, "-m", "endcap", "fit", "--json", "--shop", str(folder), *changes]
    return subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603


def live_sequence(shop: Shop, release: str) -> Sequence:
    return Sequence.load(Releases(shop.releases).path(release) / "live" / "retrievers" / "sequence")


@pytest.mark.slow
def test_two_processes_release_what_one_releases(copy: Callable[..., Shop]) -> None:
    shop = copy(*CHANGES)
    told = json.loads(fit_together(shop.folder).stdout)  # one document, by the first process
    releases = Releases(shop.releases)
    releases.verify(told["release"])
    assert len(releases.names()) == 2
    assert [path.name for path in shop.runs.iterdir()] == ["curves"]
    alone = fit(shop, resume=False)
    one, both = (live_sequence(shop, name) for name in (alone["release"], told["release"]))
    for name, array in one.state.items():
        np.testing.assert_allclose(both.state[name], array, rtol=1e-3, atol=1e-4)
    assert told["metrics"] == alone["metrics"]
