"""Texts that are alike are near each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from endcap.encoders.text_english import TextEnglish
from endcap.encoders.text_hashing import TextHashing
from endcap.encoders.text_multilingual import TextMultilingual
from endcap.stages import Encoder, Run
from tests.contents import fitting, goods, nearest

SPELT = [
    "Red wool scarf", "scarf of wool, red", "Desk lamp", "lamps for the desk",
    "双肩包男士防盗", "男士双肩包电脑", "苹果手机壳透明", "透明软手机壳苹果",
]  # fmt: skip

MEANT = [
    "a sofa for two", "small couch", "bedside lamp", "night light",
    "running shoes", "sneakers for joggers", "washing powder", "laundry detergent",
]  # fmt: skip

BOTH = [
    "red dress", "红色连衣裙", "laptop bag", "笔记本电脑包",
    "children's toothbrush", "儿童牙刷", "green tea", "绿茶",
]  # fmt: skip

PAIRS = [1, 0, 3, 2, 5, 4, 7, 6]


def vectors(cls: type[Encoder[Any]], titles: list[str], **settings: Any) -> Any:
    catalogue = goods([{"title": title} for title in titles])
    model = cls.fit(fitting(cls, **settings), catalogue, Run(seed=1))
    return model.encode(catalogue).vectors


@pytest.mark.parametrize("cls", [TextHashing, TextMultilingual], ids=lambda cls: cls.__name__)
def test_what_is_spelt_alike(cls: type[Encoder[Any]]) -> None:
    assert nearest(vectors(cls, SPELT)) == PAIRS


@pytest.mark.parametrize("cls", [TextEnglish, TextMultilingual], ids=lambda cls: cls.__name__)
def test_what_is_meant_alike(cls: type[Encoder[Any]]) -> None:
    assert nearest(vectors(cls, MEANT)) == PAIRS


def test_two_languages() -> None:
    """Among the Chinese titles, each English one is nearest to its translation."""
    found = vectors(TextMultilingual, BOTH)
    assert (found[::2] @ found[1::2].T).argmax(axis=1).tolist() == [0, 1, 2, 3]


def test_a_query_finds_what_it_asks_for() -> None:
    asked, items = BOTH[::2], BOTH[1::2]
    queries = vectors(TextMultilingual, asked, role="query")
    assert (queries @ vectors(TextMultilingual, items).T).argmax(axis=1).tolist() == [0, 1, 2, 3]


def test_a_word_of_its_language_draws_a_query_to_nothing() -> None:
    """Of Chinese titles, half with an English word that says nothing, "tea" finds the tea."""
    words = "绿茶礼盒 台灯护眼 双肩包 牙刷 连衣裙 手机壳 雨伞 枕头 沙发 拖鞋"
    things = words.split()
    titles = [*things, *(f"NEW HOT SALE {thing}" for thing in things[1:])]
    shop = goods([{"title": title} for title in titles])
    model, asked = (
        TextMultilingual.fit(fitting(TextMultilingual, role=role), shop, Run())
        for role in ("passage", "query")
    )
    plain = TextMultilingual.fit(fitting(TextMultilingual, centred=False), shop, Run())
    items = model.encode(shop).vectors
    assert abs(items.mean(0)).sum() < abs(plain.encode(shop).vectors.mean(0)).sum()
    query = asked.encode(goods([{"title": "green tea"}])).vectors
    assert int((query @ items.T).argmax()) == 0
    np.testing.assert_allclose(np.linalg.norm(items, axis=1), 1, rtol=1e-4)


def test_texts_of_nothing_known_are_unknown() -> None:
    model = TextHashing.fit(fitting(TextHashing), goods([{"title": "red scarf"}]), Run())
    found = model.encode(goods([{"title": "台灯"}, {"title": "red lamp"}]))
    assert found.known.tolist() == [False, True]


def test_it_learns_from_a_part_of_many_items() -> None:
    """More items than axes, and than are learned from."""
    rng = np.random.default_rng(1)
    nouns = ["scarf", "lamp", "围巾", "台灯"]
    titles = [f"{nouns[n % 4]} {rng.integers(1_000)}" for n in range(400)]
    found = vectors(TextHashing, titles, dim=8, learn=200, terms=1_000)
    assert found.shape == (400, 8)
    assert np.mean(np.array(nearest(found)) % 4 == np.arange(400) % 4) > 0.98
    np.testing.assert_array_equal(
        found, vectors(TextHashing, titles, dim=8, learn=200, terms=1_000)
    )


def test_rare_terms_say_more_than_common_ones() -> None:
    titles = ["new scarf", "new lamp", "new mug", "scarf of old", "new rug", "new bag"]
    assert nearest(vectors(TextHashing, titles, grams=()))[0] == 3


@pytest.mark.parametrize("length", [0, -1])
def test_a_run_of_characters_has_one_at_least(length: int) -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        TextHashing.settings_type.model_validate({"grams": [length]})
