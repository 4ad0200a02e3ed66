"""The sequence retriever over what items say: fusion, cold items, newcomers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from endcap.class_paths import check
from endcap.config import parse
from endcap.errors import ConfigError
from endcap.retrievers.sequence import Sequence
from endcap.serve.lessons import Lesson, Lessons
from endcap.stages import Earlier, Run
from endcap.tables.dataset import Dataset
from endcap.tables.overlay import Overlay
from endcap.tables.schema import kind as kind_of
from endcap.types import Floats, Int32s, Queries
from tests.contracts.found import settings
from tests.shops import DAY, PURCHASE, catalogue, dataset, queries

KINDS = ("red wool scarf", "blue steel lamp", "green tea box")

ITEMS = 12
"""Four of each kind: items 0, 3, 6, 9 are scarves. The last of each kind is never touched."""

TEXT = {"text": {"use": "endcap.encoders.text_hashing:TextHashing", "dim": 8}}

HEARS: dict[str, Any] = {"content": TEXT, "epochs": 60, "id_dropout": 0.3, "ahead": 0.0}


def title(item: int) -> str:
    return f"{KINDS[item % 3]} {'abcdefghijkl'[item]}"


def shop(folder: Path, *, titles: bool = True) -> Dataset:
    """Who takes an item takes another of the same kind next."""
    rng, users, days = np.random.default_rng(1), 60, 6
    kinds = np.repeat(np.arange(users) % 3, days)
    names = [title(item) if titles else None for item in range(ITEMS)]
    return dataset(
        folder,
        users=np.repeat(np.arange(1, users + 1), days).tolist(),
        items=(kinds + 3 * rng.integers(0, 3, len(kinds))).tolist(),
        times=np.tile(np.arange(days) * DAY, users).tolist(),
        goods=catalogue(ITEMS, title=names),
    )


def fit(data: Dataset, run: Run | None = None, **changes: Any) -> Sequence:
    return Sequence.fit(settings(Sequence, **{**HEARS, **changes}), data, None, run or Run(seed=3))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def model(data: Dataset) -> Sequence:
    return fit(data)


def answered(model: Sequence, item: int, n: int = 4) -> Int32s:
    return model.retrieve(queries([item]), n).item


def test_what_nobody_has_touched_stands_among_what_is_like_it(model: Sequence) -> None:
    for kind in range(3):
        assert set(answered(model, kind)) == {kind, kind + 3, kind + 6, kind + 9}


def test_who_has_seen_nothing_but_the_untouched_is_answered_by_its_content(
    model: Sequence,
) -> None:
    assert set(answered(model, ITEMS - 1, 3)) <= {2, 5, 8, 11}


def test_without_content_it_can_decline(tmp_path: Path) -> None:
    data = shop(tmp_path, titles=False)
    assert len(fit(data, epochs=1).retrieve(queries([0]), 3)) == 3
    silent = fit(data, needs_content=True)
    assert len(silent.retrieve(queries([0]), 3)) == 0
    silent.save(tmp_path / "saved")
    assert len(Sequence.load(tmp_path / "saved").retrieve(queries([0]), 3)) == 0


def row(item: int, text: str | None) -> dict[str, Any]:
    return {"item_id": f"i{item}", "title": text, "price": 1.0, "gone": False}


def test_an_item_that_came_since_stands_where_its_content_puts_it(
    data: Dataset, model: Sequence
) -> None:
    new = [row(ITEMS, f"{KINDS[1]} new"), row(ITEMS + 1, None)]
    goods = Overlay.over(data.catalogue).changed(new)
    met = model.adopt(goods, goods.new)
    assert met is not None
    assert set(answered(met, 1, 5)) == {1, 4, 7, 10, ITEMS}, "the new lamp among lamps"
    assert ITEMS + 1 not in answered(met, 1, ITEMS + 2), "of which nothing is known"
    assert set(answered(met, ITEMS)) <= {1, 4, 7, 10, ITEMS}
    old = replace(queries([1]), allowed=np.arange(ITEMS + 2) < ITEMS)
    same, before = met.retrieve(old, 9), model.retrieve(queries([1]), 9)
    np.testing.assert_array_equal(same.item, before.item)
    np.testing.assert_allclose(same.score, before.score, rtol=1e-5)


def adopted(model: Sequence, data: Dataset, *titles: str) -> Sequence:
    """With further items."""
    new = [row(ITEMS + place, text) for place, text in enumerate(titles)]
    goods = Overlay.over(data.catalogue).changed(new)
    found = model.adopt(goods, goods.new)
    assert found is not None
    return found


def taken(model: Sequence, item: int, kind: int, times: int) -> Sequence:
    """After so many visitors who had two of a kind have taken an item."""
    pasts = [[kind, kind + 3]] * times
    codes = np.full(times, item, np.int32)
    return model.learn(queries(*pasts), codes, np.full(times, PURCHASE, np.int8))


def scored(model: Sequence, asked: Queries) -> Floats:
    """[queries, items]"""
    assert model.network is not None
    return model.network.scores(model.vectors, asked)


SCARF, LAMP = 0, 1


def test_a_newcomer_goes_to_who_takes_it(data: Dataset, model: Sequence) -> None:
    """It says that it is a scarf, and those who have lamps take it."""
    met = adopted(model, data, f"{KINDS[SCARF]} new")
    told = [taken(met, ITEMS, LAMP, times) for times in (0, 1, 30)]
    asked = queries([LAMP, LAMP + 3], [SCARF, SCARF + 3])
    scores = np.array([scored(one, asked)[:, ITEMS] for one in told])
    assert np.all(np.diff(scores[:, 0]) > 0), "the more, the more"
    assert ITEMS not in met.retrieve(asked, 4).of(0).item
    assert ITEMS in told[-1].retrieve(asked, 4).of(0).item
    assert told[0] is met, "and nothing is learned of nothing"


def test_what_had_events_stays_where_it_is(data: Dataset, model: Sequence) -> None:
    met = adopted(model, data, f"{KINDS[SCARF]} new")
    taught = taken(taken(met, ITEMS, LAMP, 9), SCARF, LAMP, 9)
    known = np.arange(ITEMS) < 9
    np.testing.assert_array_equal(taught.vectors[:ITEMS][known], model.vectors[known])
    asked = replace(queries([1], [3, 4]), allowed=np.r_[known, False])
    same, before = taught.retrieve(asked, 9), met.retrieve(asked, 9)
    np.testing.assert_array_equal(same.item, before.item)
    np.testing.assert_array_equal(same.score, before.score)


def test_an_item_of_the_fit_warms_up_too_where_it_had_no_event(model: Sequence) -> None:
    """Item 9, a scarf that nobody has touched."""
    asked = queries([LAMP, LAMP + 3])
    assert 9 not in model.retrieve(asked, 4).item
    assert 9 in taken(model, 9, LAMP, 30).retrieve(asked, 5).item


@pytest.mark.parametrize("content", [{}, TEXT])
def test_of_whom_nothing_is_said_enters_with_its_first_events(
    data: Dataset, content: dict[str, Any]
) -> None:
    met = adopted(fit(data, content=content), data, "")
    asked = queries([LAMP, LAMP + 3])
    assert ITEMS not in met.retrieve(asked, ITEMS + 1).item
    taught = taken(met, ITEMS, LAMP, 10)
    assert ITEMS in taught.retrieve(asked, 6).item
    assert len(taught.retrieve(queries([ITEMS]), 4)) == 4
    again = adopted(taught, data, "", "")
    assert ITEMS in again.retrieve(asked, 6).item, "and others may come after"


def test_content_that_is_worth_more_is_held_longer(data: Dataset, model: Sequence) -> None:
    asked, scores = queries([LAMP, LAMP + 3]), []
    for worth in (1.0, 10.0, 100.0):
        own = Sequence(model.settings.model_copy(update={"worth": worth}), model.state)
        taught = taken(adopted(own, data, f"{KINDS[SCARF]} new"), ITEMS, LAMP, 5)
        scores.append(scored(taught, asked)[0, ITEMS])
    assert scores == sorted(scores, reverse=True)


def test_an_event_teaches_as_much_as_it_counts_in_training(data: Dataset) -> None:
    counts = np.zeros(len(data.kind_weights), np.float32)
    counts[PURCHASE] = 1
    met = adopted(fit(replace(data, kind_weights=counts), epochs=2), data, "")
    views = np.full(1, kind_of("view"), np.int8)
    assert met.learn(queries([LAMP]), np.array([ITEMS], np.int32), views) is met


def test_who_has_the_fitted_model_is_told_what_was_learned(data: Dataset, model: Sequence) -> None:
    """As processes of a service do; the network itself is named, not copied."""
    taught = taken(adopted(model, data, "", "?"), ITEMS, LAMP, 10)
    lessons, fitted = Lessons(), {"described": model}
    lessons.tell(Lesson("first", 10, ("i12", "i13"), {"described": taught}), fitted)
    lesson = lessons.newest("first", 0, fitted)
    assert lesson is not None
    read = lesson.models["described"]
    assert isinstance(read, Sequence)
    assert read.network is model.network
    asked = queries([LAMP, LAMP + 3], [ITEMS])
    same, before = read.retrieve(asked, 9), taught.retrieve(asked, 9)
    np.testing.assert_array_equal(same.item, before.item)
    np.testing.assert_array_equal(same.score, before.score)
    more, most = (taken(one, ITEMS, LAMP, 5).vectors for one in (read, taught))
    np.testing.assert_array_equal(more, most)


@pytest.mark.parametrize("content", [{}, TEXT])
def test_what_has_no_events_can_stand_by_its_words_alone(
    data: Dataset, content: dict[str, Any], tmp_path: Path
) -> None:
    plain, model = (fit(data, content=content, standing=one) for one in (0.0, 0.9))
    for kind in range(3):
        assert set(answered(model, kind)) == {kind, kind + 3, kind + 6, kind + 9}
    met = np.arange(ITEMS) < 9
    known = replace(queries([1], [3, 4]), allowed=met)
    same, before = model.retrieve(known, 9), plain.retrieve(known, 9)
    np.testing.assert_array_equal(same.item, before.item)
    np.testing.assert_array_equal(same.score, before.score)
    model.save(tmp_path)
    again = Sequence.load(tmp_path)
    np.testing.assert_array_equal(again.vectors, model.vectors)
    goods = Overlay.over(data.catalogue).changed([row(ITEMS, f"{KINDS[1]} new"), row(13, "?")])
    taught = again.adopt(goods, goods.new)
    assert taught is not None
    assert set(answered(taught, 1, 5)) == {1, 4, 7, 10, ITEMS}
    assert ITEMS + 1 not in answered(taught, 1, 14), "of which nothing is known"
    lengths = np.linalg.norm(taught.vectors, axis=1)
    assert lengths[ITEMS] == pytest.approx(0.9 * lengths[:9].mean(), rel=1e-4)


def test_a_fit_that_goes_on_keeps_its_encoders(data: Dataset, model: Sequence) -> None:
    earlier = Earlier(model.state, np.arange(ITEMS, dtype=np.int32), data.end - DAY)
    on = fit(data, Run(seed=3, earlier=earlier), epochs=1)
    for name in ("text.terms", "text.axes"):
        np.testing.assert_array_equal(on.state[f"encoder.{name}"], model.state[f"encoder.{name}"])
    moved, size = (
        np.abs(one).mean()
        for one in (
            on.state["network.item.weight"] - model.state["network.item.weight"],
            model.state["network.item.weight"],
        )
    )
    assert 0 < moved < size


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("content.text.use=nowhere:It", r"described\.content\.text\.use = 'nowhere:It' cannot be"),
        (
            f'content.text={{use="{TEXT["text"]["use"]}",dim=0}}',
            r"retrievers\.described\.content\.text: dim = 0: .*greater than 0",
        ),
        ("content.photo.folder=media", r"described\.content\.photo: use = .*[Ff]ield required"),
    ],
)
def test_a_wrong_encoder_is_told_before_any_work(change: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check(parse("", [f"retrievers.described.{change}"]))
