"""The model of docs/how-to/add-a-model.md, run exactly as the page prints it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from endcap.class_paths import load_stage, resolve, save_stage
from endcap.config import parse
from endcap.stages import Retriever, Run
from endcap.types import History, Queries
from tests import shops
from tests.pages import blocks, own_code

PAGE = "how-to/add-a-model.md"


@pytest.fixture
def shop_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_code(PAGE, tmp_path, monkeypatch)


def test_the_page_says_40_lines_and_means_it() -> None:
    (code,) = blocks(PAGE, "python")
    assert len([line for line in code.splitlines() if line.strip()]) <= 40


@pytest.mark.usefixtures("shop_code")
def test_it_fits_answers_and_survives_saving(tmp_path: Path) -> None:
    config = parse("\n".join(blocks(PAGE, "toml")))
    cls, settings = resolve(Retriever, config.retrievers["favourites"], "retrievers.favourites")
    assert settings.model_dump() == {"last": 10}
    goods = shops.catalogue(6, categories=[1, 1, 1, 2, 2, 0])
    known = shops.dataset(
        tmp_path / "shop", users=[1, 1, 1, 2, 2], items=[0, 1, 1, 3, 4], goods=goods
    )
    model = cls.fit(settings, known, None, Run())
    queries = asking(1)
    assert model.retrieve(queries, 5).item.tolist() == [1, 0]
    save_stage(model, tmp_path / "saved")
    again = load_stage(Retriever, tmp_path / "saved")
    assert again.retrieve(queries, 5).item.tolist() == [1, 0]
    assert config.evaluate.baselines["favourites"] == ("favourites",)


def asking(item: int) -> Queries:
    """Someone who has just bought the item."""
    one = np.array([item], np.int32)
    history = History(np.array([0, 1]), one, np.array([8], np.int8), np.array([shops.START]))
    return Queries.of(np.zeros(1, np.int32), np.array([shops.START + 1]), history)
