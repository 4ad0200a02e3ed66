"""The checkerboard, and every stage after it has learned from it."""

from __future__ import annotations

from typing import Any

import pytest

from endcap.stages import Ranker, Retriever, Rule, Run
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.parts import Part
from tests.contracts.found import RANKERS, RETRIEVERS, RULES, learned, settings, taught
from tests.shops import checkerboard


@pytest.fixture(scope="session")
def board(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return checkerboard(tmp_path_factory.mktemp("checkerboard"))


@pytest.fixture(scope="session")
def past(board: Dataset) -> Dataset:
    """What was known before the test part."""
    return board.before(Part.TEST)


@pytest.fixture(scope="session")
def asked(board: Dataset) -> Asked:
    return board.asked(Part.TEST)


@pytest.fixture(scope="session", params=RETRIEVERS, ids=lambda cls: cls.__name__)
def retriever(request: pytest.FixtureRequest, past: Dataset) -> Retriever[Any]:
    return learned(request.param, past)


@pytest.fixture(scope="session", params=RANKERS, ids=lambda cls: cls.__name__)
def ranker(request: pytest.FixtureRequest, board: Dataset) -> Ranker[Any]:
    return taught(request.param, board)


@pytest.fixture(scope="session", params=RULES, ids=lambda cls: cls.__name__)
def rule(request: pytest.FixtureRequest, past: Dataset) -> Rule[Any]:
    cls: type[Rule[Any]] = request.param
    return cls.fit(settings(cls), past.catalogue, Run(seed=3)).counted(past)
