"""The feature of docs/how-to/features.md, run exactly as the page prints it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from endcap.class_paths import check
from endcap.config import parse
from endcap.features import Features
from endcap.types import Candidates, Stretch
from tests.pages import blocks, own_code
from tests.shops import DAY, START, catalogue, queries, ranking

PAGE = "how-to/features.md"


@pytest.fixture
def shop_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_code(PAGE, tmp_path, monkeypatch)


@pytest.mark.usefixtures("shop_code")
def test_it_is_told_to_rankers_and_survives_saving() -> None:
    config = parse("\n".join(blocks(PAGE, "toml")))
    check(config)
    goods = catalogue(3, prices=[10.0, 20.0, 30.0], sale_price=[5.0, None, 30.0])
    moment = START + 365 * DAY
    views = Stretch(
        np.array([0, 0, 0, 1, 2], np.int32),
        np.full(5, 2, np.int8),
        moment - np.array([0.1, 0.4, 0.6, 0.1, 0.1]) * DAY // 1,
    )
    views = replace(views, times=views.times.astype(np.int64))
    asked = replace(queries([]), log=lambda: (views,))
    found = Candidates.of({"popular": ranking([0, 1, 2])})
    stages = {name: config.features[name] for name in ("bargain", "views_1h", "bought_by_me")}
    features = Features.of(Features.fit(stages, asked, found, goods).state)
    names, values = features(asked, found, goods)
    columns = dict(zip(names, values.T.tolist(), strict=True))
    assert columns["bargain"] == pytest.approx([np.log1p(2), 0, 0])
    assert columns["views_1h"] == [0, 0, 0]
