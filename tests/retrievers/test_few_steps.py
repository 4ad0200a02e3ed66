"""Few events say much, and what is written of items goes over to another shop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from endcap.errors import ConfigError
from endcap.retrievers.few_steps import FewSteps
from endcap.stages import Earlier, Run
from endcap.tables.dataset import Dataset
from endcap.tables.overlay import Overlay
from tests.contracts.found import settings
from tests.shops import catalogue, dataset, queries

NEW = ("tea pot new", "")

KINDS = ("tea pot", "garden rake")
TEXT = {
    "encoder": "endcap.encoders.text_hashing:TextHashing",
    "content": {"dim": 8, "fields": ["title"]},
}


def shop(folder: Path, items: int, first: int = 0) -> Dataset:
    """Visitors who take items of one kind only; titles tell the kind, and each its number."""
    rng = np.random.default_rng(first)
    users = np.repeat(np.arange(1, 61), 4)
    taken = [2 * item + user % 2 for user in range(60) for item in rng.permutation(items // 2)[:4]]
    titles = [f"{KINDS[item % 2]} {first + item}" for item in range(items)]
    return dataset(folder, users.tolist(), taken, goods=catalogue(items, title=titles))


def fit(known: Dataset, earlier: Earlier | None = None, **changes: Any) -> FewSteps:
    return FewSteps.fit(
        settings(FewSteps, **{**TEXT, **changes}), known, None, Run(seed=3, earlier=earlier)
    )


def right(model: FewSteps, items: int) -> float:
    """Of the first lists after one event, the share of the same kind."""
    asked = queries(*[[item] for item in range(items)])
    found = model.retrieve(replace(asked, exclude=asked.history.ragged()), items // 2 - 1)
    return float(np.mean(found.item % 2 == found.query % 2))


def test_one_event_is_enough(tmp_path: Path) -> None:
    model = fit(shop(tmp_path, 12))
    assert right(model, 12) > 0.9
    assert len(model.retrieve(queries([]), 5)) == 5, "and none is answered too"


def test_a_model_answers_in_a_shop_that_it_has_never_seen(tmp_path: Path) -> None:
    old = fit(shop(tmp_path / "old", 12), own=False)
    new = shop(tmp_path / "new", 8, first=100)
    bare = new.keep(np.zeros(len(new), np.bool_))
    earlier = Earlier(old.state, np.full(8, -1, np.int32), 0)
    assert right(fit(bare, earlier, frozen=True), 8) > 0.9
    assert right(fit(new, earlier), 8) > 0.9


def test_the_epochs_and_weights_of_the_frozen_are_the_earlier_ones(tmp_path: Path) -> None:
    known = shop(tmp_path, 12)
    old = fit(known)
    same = fit(known, Earlier(old.state, np.arange(12, dtype=np.int32), 0), frozen=True)
    for name in ("described.weight", "fame"):
        np.testing.assert_array_equal(same.state[name], old.state[name])


def test_an_item_that_came_since_stands_where_its_text_puts_it(tmp_path: Path) -> None:
    known = shop(tmp_path, 12)
    model = fit(known)
    new = [{"item_id": f"n{n}", "title": text, "gone": False} for n, text in enumerate(NEW)]
    goods = Overlay.over(known.catalogue).changed(new)
    met = model.adopt(goods, goods.new)
    assert met is not None
    among = met.retrieve(queries([0], [1], [12]), 7)
    assert 12 in among.of(0).item
    assert 12 not in among.of(1).item[:6]
    assert set(among.of(2).item[:6] % 2) == {0}, "who had it alone is known by its text"
    assert 13 not in met.retrieve(queries([0]), 14).item, "of which nothing is said"
    old = replace(queries([0], []), allowed=np.arange(14) < 12)
    same, before = met.retrieve(old, 12), model.retrieve(queries([0], []), 12)
    np.testing.assert_array_equal(same.item, before.item)
    np.testing.assert_allclose(same.score, before.score, rtol=1e-5)


def test_ids_alone_adopt_nothing(tmp_path: Path) -> None:
    known = shop(tmp_path, 12)
    goods = Overlay.over(known.catalogue).changed([{"item_id": "n", "gone": False}])
    assert fit(known, encoder="").adopt(goods, goods.new) is None


def test_arrays_of_the_encoder_are_named_as_elsewhere(tmp_path: Path) -> None:
    model = fit(shop(tmp_path, 12))
    before = {name.replace("encoder.", "encoder/"): one for name, one in model.state.items()}
    assert "encoder/terms" in before
    old = FewSteps(model.settings, before)
    assert set(old.state) == set(model.state), "and those that were not are read all the same"


def test_an_encoder_that_is_none(tmp_path: Path) -> None:
    wrong = settings(FewSteps, encoder="endcap.rules.caps:Caps")
    with pytest.raises(ConfigError, match=r"retrievers.mine.encoder.*is not a Encoder"):
        FewSteps.check(wrong, "retrievers.mine")
