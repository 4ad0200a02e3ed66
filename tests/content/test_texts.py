"""Texts of columns, and their terms."""

from __future__ import annotations

import numpy as np
import pytest

from endcap.content.terms import terms
from endcap.content.texts import Texts, texts
from tests.contents import goods


def test_columns_are_read_in_the_given_order_and_cut() -> None:
    rows = [
        {"title": "Mug", "tags": ["a", "b"], "brand": "Acme"},
        {"title": "\n", "brand": " ", "tags": [""]},
    ]
    assert list(texts(goods(rows), Texts(fields=("tags", "title", "brand")))) == [
        "a, b. Mug. Acme",
        "",
    ]
    assert list(texts(goods(rows), Texts(fields=("title", "brand"), characters=5))) == ["Mug.", ""]


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Ｆｕｌｌ　ｗｉｄｔｈ", "Full width"),
        ("cafe\u0301", "café"),
        ("a\0b\x07c\td\n\ne", "a b c d e"),
        ("①双肩包", "1双肩包"),
    ],
)
def test_signs_that_are_the_same_are_made_the_same(raw: str, clean: str) -> None:
    assert list(texts(goods([{"title": raw}]), Texts())) == [clean]


def test_what_grows_when_it_is_made_the_same_is_cut_too() -> None:
    """One sign of Arabic becomes 18."""
    found = list(texts(goods([{"title": "\ufdfa" * 50}]), Texts(characters=100)))
    assert len(found[0]) <= 100


def test_words_and_runs_are_told_apart() -> None:
    """Same letters in another order are others; a text ends before the next begins."""
    text, key = terms(["abc", "cab", "abc x", "", "!?", "x"], [3])
    own = [set(key[text == n].tolist()) for n in range(6)]
    assert [len(one) for one in own] == [4, 4, 6, 0, 0, 2]
    assert len(own[0] & own[1]) == 0
    assert own[2] == own[0] | own[5]


def test_a_word_is_not_its_run() -> None:
    _, key = terms(["ab"], [2])
    assert len(np.unique(key)) == 4


def test_chinese_shares_pairs() -> None:
    text, key = terms(["双肩包男", "男士双肩包"], [2])
    own = [set(key[text == n].tolist()) for n in range(2)]
    assert len(own[0] & own[1]) == 2  # 双肩, 肩包
