from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from endcap.config import Shop
from tests.serve.shops import QUICK, released_shop, serving


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop with a live release. Tests share it, so each uses visitors of its own."""
    return released_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="session")
def client(shop: Shop) -> Iterator[TestClient]:
    with serving(shop) as (client, _):
        yield client


@pytest.fixture
def quiet(own: Shop) -> Iterator[TestClient]:
    """The service of a shop where nothing happens, so that models have nothing to learn between
    two questions."""
    with serving(own) as (client, _):
        yield client


@pytest.fixture
def bare(tmp_path: Path) -> Shop:
    """A shop folder with nothing in it."""
    return Shop.open(tmp_path)


@pytest.fixture
def own(shop: Shop, tmp_path: Path) -> Shop:
    """A copy of the shop, without what other tests sent to it."""
    sent = shutil.ignore_patterns("live.sqlite*")
    return Shop.open(shutil.copytree(shop.folder, tmp_path / "shop", ignore=sent), QUICK)
