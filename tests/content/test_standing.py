"""Items without events are guessed from what was learned of those that share their words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from endcap.content.standing import Standing
from endcap.tables.schema import ITEMS


def table(*titles: str | None) -> pa.Table:
    rows: list[dict[str, Any]] = [
        {**dict.fromkeys(ITEMS.names), "item_id": str(place), "title": title}
        for place, title in enumerate(titles)
    ]
    return pa.Table.from_pylist(rows, pa.schema([one.with_nullable(True) for one in ITEMS]))


WORDS = ("red mug", "blue mug", "red lamp", "blue lamp", "green lamp", "green mug")

LEARNED = np.array([[4, 0, 4], [0, 4, 4], [4, 0, -4], [0, 4, -4], [9, 9, 9], [9, 9, 9]], np.float32)
"""The first number says red, the second blue, the third mug or lamp; the last two are chance."""

EVENTS = np.array([50, 50, 50, 50, 0, 0])


def test_words_add_up() -> None:
    standing = Standing.fit(table(*WORDS), LEARNED, EVENTS, 1.0)
    guess, known = standing(table("Red Mug, new", "a blue lamp", "unheard of", None))
    assert known.tolist() == [True, True, False, False]
    usual = np.linalg.norm(LEARNED[:4], axis=1).mean()
    np.testing.assert_allclose(np.linalg.norm(guess, axis=1), usual, rtol=1e-5)
    for place, item in ((0, 0), (1, 3)):
        cosine = guess[place] @ LEARNED[item] / usual / np.linalg.norm(LEARNED[item])
        assert cosine > 0.95
    again = Standing(standing.state)(table("Red Mug, new"))[0]
    np.testing.assert_array_equal(again, guess[:1])


@pytest.mark.parametrize("length", [0.5, 2.0])
def test_as_long_as_is_asked(length: float) -> None:
    one, other = (Standing.fit(table(*WORDS), LEARNED, EVENTS, by) for by in (1.0, length))
    np.testing.assert_allclose(
        other(table("red lamp"))[0], length * one(table("red lamp"))[0], rtol=1e-5
    )


def test_what_has_more_events_teaches_more() -> None:
    """Two red mugs that learned different things."""
    words, learned = table("red mug", "red mug", "lamp"), np.eye(3, dtype=np.float32)
    guess = Standing.fit(words, learned, np.array([100, 1, 10]), 1.0)(table("red mug"))[0]
    assert guess[0, 0] > guess[0, 1]


def test_where_no_word_tells_anything_nothing_is_known() -> None:
    _, known = Standing.fit(table("a", "b"), LEARNED[:2], EVENTS[:2], 1.0)(table("a"))
    assert not known.any()
