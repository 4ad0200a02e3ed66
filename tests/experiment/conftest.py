"""One fitted shop for all tests that only look at it, and copies for those that change it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from endcap.config import Shop
from endcap.experiment.fit import fit
from endcap.experiment.gate import promote_if_better
from tests.experiment.learnable import learnable


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """It has one release, which is live. Not to be changed."""
    shop = learnable(tmp_path_factory.mktemp("fitted"))
    promote_if_better(shop, fit(shop)["release"])
    return shop


@pytest.fixture
def copy(fitted: Shop, tmp_path: Path) -> Callable[..., Shop]:
    """The fitted shop once more, with changed settings."""
    folder = tmp_path / "copy"
    shutil.copytree(fitted.folder, folder)
    return lambda *changes: Shop.open(folder, changes)
