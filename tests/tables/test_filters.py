"""The filter language: what it lets through, what it says of mistakes, and that nothing else
comes out of it."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.errors import FilterError
from endcap.tables import schema
from endcap.tables.catalogue import MASKS, Catalogue
from endcap.tables.filters import check
from endcap.tables.filters.syntax import DEEPEST, LONGEST

ITEMS: list[dict[str, Any]] = [
    {
        "title": "Green Tea",
        "brand": "Acme",
        "price": 5.0,
        "sale_price": 4.0,
        "categories": ["Food > Tea", "Gifts"],
        "availability": "in_stock",
        "tags": ["new", "bio"],
        "created_at": 1_767_225_600_000_000,  # the first moment of 2026
        "attributes": {"颜色": "绿", "grams": 100, "vegan": True, "for": ["home", "office"]},
    },
    {
        "title": "Doll's house",
        "brand": "华为",
        "price": 20.0,
        "categories": ["Toys > Dolls > Houses"],
        "availability": "out_of_stock",
        "attributes": {"颜色": "红", "grams": "heavy", "vegan": False},
    },
    {
        "title": 'A "doll"',
        "brand": "Acme",
        "price": 30.0,
        "categories": ["Toys > Dolls"],
        "availability": "preorder",
        "attributes": {"grams": 250},
    },
    {"title": None, "brand": None, "categories": ["Toyshop"], "tags": []},
]
"""The last one has next to nothing."""


def shop() -> Catalogue:
    rows = [
        {name: item.get(name) for name in schema.ITEMS.names}
        | {"item_id": f"i{place}", "attributes": json.dumps(item.get("attributes", "no object"))}
        for place, item in enumerate(ITEMS)
    ]
    return Catalogue(pa.Table.from_pylist(rows, schema.ITEMS), pa.table({}))


SHOP = shop()


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("price < 20", [0]),
        ("price <= 20.0", [0, 1]),
        ("20 > price", [0]),
        ("price >= 20 or available", [0, 1, 2, 3]),
        ("price > -1", [0, 1, 2]),
        ("price != 5", [1, 2, 3]),
        ("not price == 5", [1, 2, 3]),
        ("sale_price < price", [0]),
        ('brand == "Acme"', [0, 2]),
        ("brand == 'Acme'", [0, 2]),
        ('brand != "Acme"', [1, 3]),
        ('brand in ("Acme", "华为")', [0, 1, 2]),
        ('brand not in ("Acme", "nobody",)', [1, 3]),
        ("price in (5, 30)", [0, 2]),
        ('"Tea" in categories', [0]),
        ('"Food > Tea" in categories', [0]),
        ('"Dolls" in category', [1, 2]),
        ('"Dolls>Houses" in categories', [1]),
        ('"Toys" in categories', [1, 2]),
        ('categories in ("Tea", "Houses")', [0, 1]),
        ('category under "Toys > Dolls"', [1, 2]),
        ('category under " Toys>Dolls > Houses"', [1]),
        ('category under "Dolls"', []),
        ('"bio" in tags', [0]),
        ('tags in ("bio", "used")', [0]),
        ("available", [0, 2, 3]),
        ("not available", [1]),
        ("available == false", [1]),
        ('availability == "preorder"', [2]),
        ('title contains "DOLL"', [1, 2]),
        ('title == "A \\"doll\\""', [2]),
        ("title == 'Doll\\'s house'", [1]),
        ('created_at >= "2026-01-01"', [0]),
        ('created_at < "2026-01-01T00:00:01+00:00"', [0]),
        ('attributes.颜色 == "红"', [1]),
        ('attributes."颜色" in ("红", "绿")', [0, 1]),
        ("attributes.grams > 99", [0, 2]),
        ("attributes.vegan", [0]),
        ("attributes.vegan == attributes.vegan", [0, 1]),
        ('"office" in attributes.for', [0]),
        ('price < 50 and "Toys" in categories and brand != "Acme" or price == 5', [0, 1]),
        ('price < 50 and ("Toys" in categories or brand != "Acme")', [1, 2]),
        (
            'price < 20 and brand in ("Acme", "华为") and not category under "Toys > Dolls" '
            "and available",
            [0],
        ),
        ("\n price\t<　20 ", [0]),
        ("(" * 900 + "available" + ")" * 900, [0, 2, 3]),
    ],
)
def test_what_it_lets_through(text: str, items: list[int]) -> None:
    assert np.flatnonzero(SHOP.meets(text)).tolist() == items


@pytest.mark.parametrize(
    ("text", "at", "said"),
    [
        ("", 1, "the end at character 1. Expected (, a number, a text in quotes"),
        ("price <", 8, "the end at character 8. Expected a number"),
        ("price < 5 5", 11, "'5' at character 11. Expected and, or, the end"),
        ("价 = 3", 3, "'=' at character 3. Expected words, numbers"),
        ("prize < 3", 1, "no attribute 'prize' at character 1. Expected one of item_id, title"),
        ("price.net < 3", 1, "no attribute 'price.net' at character 1"),
        ("attributes < 3", 1, "no attribute 'attributes' at character 1"),
        (
            "attributes.size == 3",
            1,
            "no attribute attributes.size at character 1. Expected one of for, grams, vegan, 颜色",
        ),
        ('price < "5"', 9, "'5' beside price at character 9. Expected a number"),
        ("price < true", 9, "true beside price at character 9. Expected a number"),
        ("brand == 5", 10, "5 beside brand at character 10. Expected a text"),
        ("brand in ('a', 5)", 16, "5 beside brand at character 16. Expected a text"),
        ("available == 1", 14, "1 beside available at character 14. Expected true or false"),
        ("price == brand", 10, "brand, a text, at character 10. Expected a number, like price"),
        ('brand < "A"', 1, "brand beside < at character 1. Expected == or !="),
        ("price", 1, "price, a number, at character 1. Expected something to ask of it"),
        ("true", 1, "the value true at character 1. Expected an attribute"),
        ("1 < 2", 1, "two values beside each other at character 1"),
        ('tags == "a"', 1, "tags, a list of texts, at character 1. Expected in, as it is a list"),
        ('"a" in brand', 8, "brand, a text, at character 8. Expected a list"),
        ("brand in tags", 1, "the attribute brand beside tags at character 1. Expected a text"),
        ('tags under "a"', 1, "tags, a list of texts, at character 1. Expected categories"),
        ('price contains "5"', 1, "price, a number, at character 1. Expected a text"),
        (
            'availability == "gone"',
            17,
            "'gone' at character 17. Expected one of in_stock, out_of_stock, preorder",
        ),
        ('created_at > "soon"', 14, "'soon' at character 14. Expected a day or moment like"),
        ('brand == "Ac', 10, "a quote that is not closed at character 10"),
        ('brand == "\ud800"', 11, "half a character at character 11"),
        ("not " * DEEPEST + "available", 1 + 4 * DEEPEST, "conditions too deep"),
        ("available or " * LONGEST, LONGEST + 1, "52,000 characters at character 4001"),
        ("__import__('os').system('ls')", 11, "'(' at character 11"),
    ],
)
def test_what_it_says_of_mistakes(text: str, at: int, said: str) -> None:
    with pytest.raises(FilterError) as caught:
        SHOP.meets(text)
    assert caught.value.at == at
    assert said in str(caught.value)


def test_without_items_only_what_depends_on_none_is_refused() -> None:
    check('attributes.size > 3 and "x" in attributes.y and attributes.z and attributes.q == price')
    check('attributes.a in ("b", 3) or attributes.c contains "d" or category under "E"')
    check(" or ".join(['created_at > "2026-01-01"', '"a" in tags', "brand in ('b',)"]))
    with pytest.raises(FilterError, match="'5' beside price"):
        check("price < '5'")


def test_a_catalogue_that_lacks_a_column_has_it_of_no_item() -> None:
    bare = Catalogue.of({"item_id": ["a", "b"]})
    assert bare.meets('item_id == "b"').tolist() == [False, True]
    assert not bare.meets('price < 3 or tags in ("a",) or "b" in categories').any()
    assert bare.meets("available").all()


@pytest.mark.parametrize("large", [12_345_678_901_234_567, 10**30, -(10**400)])
def test_a_number_of_many_digits_takes_no_other_item_down(large: int) -> None:
    texts = [json.dumps({"ean": one}) for one in (large, 3, 4)]
    found = Catalogue.of({"item_id": ["a", "b", "c"], "attributes": texts})
    assert found.meets("attributes.ean == 3").tolist() == [False, True, False]
    assert found.meets("attributes.ean > 4").tolist() == [0 < large < 10**400, False, False]


def test_a_mask_is_made_once_and_cannot_be_changed() -> None:
    shelf = shop()
    first = shelf.meets("price < 20")
    assert shelf.meets("price < 20") is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = False
    for price in range(MASKS):
        shelf.meets(f"price < {price}.5")
    assert shelf.meets("price < 20") is not first


def test_a_million_items_are_looked_through_at_once() -> None:
    size = 1_000_000
    rng = np.random.default_rng(1)
    shelf = Catalogue.of(
        {
            "item_id": np.arange(size).astype(str),
            "price": rng.random(size),
            "brand": rng.choice(["Acme", "华为"], size),
        }
    )
    began = time.perf_counter()
    assert shelf.meets('price < 0.5 and brand == "华为"').mean() == pytest.approx(0.25, abs=0.01)
    assert time.perf_counter() - began < 1


# What follows compares with a reading of one item at a time, and throws anything at it.

NAMES = ["price", "sale_price", "brand", "title", "categories", "tags", "available", "created_at"]
WORDS = [*NAMES, "attributes.vegan", "attributes.颜色", "attributes", "nothing", "and", "or", "not"]
WORDS += ["in", "under", "contains", "(", ")", ",", "==", "!=", "<", ">=", "5", "-2.5", "true"]
WORDS += ['"Acme"', "'华为'", '"Toys > Dolls"', '"2026-01-01"', '"', "\\", ".", "=", "\x00", "𝟝"]


@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join) | st.text(max_size=60))
@settings(max_examples=1_500, deadline=None)
def test_nothing_but_a_mask_or_its_own_error_comes_out(text: str) -> None:
    found: Any = None
    with suppress(FilterError):
        found = SHOP.meets(text)
    if found is not None:
        assert found.dtype == np.bool_
        assert found.shape == (len(SHOP),)
        return
    with pytest.raises(FilterError) as caught:
        SHOP.meets(text)
    assert 1 <= caught.value.at <= len(text) + 1
    assert f"at character {caught.value.at}" in str(caught.value)


def conditions() -> st.SearchStrategy[tuple[str, Any]]:
    """A text, and the same as a function of an item."""
    quoted = st.sampled_from(["Acme", "华为", "none"])
    number = st.sampled_from([5.0, 20.0, 30.0, -1.0])

    def under(path: str) -> tuple[str, Any]:
        return f'category under "{path}"', lambda one: any(
            other == path or other.startswith(path + " > ") for other in one["categories"]
        )

    return st.one_of(
        number.map(lambda n: (f"price < {n}", lambda one: (one.get("price") or 1e9) < n)),
        number.map(lambda n: (f"price != {n}", lambda one: one.get("price") != n)),
        quoted.map(lambda b: (f'brand == "{b}"', lambda one: one["brand"] == b)),
        quoted.map(lambda b: (f'brand not in ("{b}",)', lambda one: one["brand"] != b)),
        st.sampled_from(["Toys", "Toys > Dolls", "Toy", "Gifts"]).map(under),
        st.just(("available", lambda one: one.get("availability") != "out_of_stock")),
    )


def joined(parts: st.SearchStrategy[tuple[str, Any]]) -> st.SearchStrategy[tuple[str, Any]]:
    pair = st.tuples(parts, parts)
    return st.one_of(
        parts.map(lambda one: (f"not ({one[0]})", lambda item: not one[1](item))),
        pair.map(lambda p: (f"({p[0][0]}) and {p[1][0]}", lambda i: p[0][1](i) and p[1][1](i))),
        pair.map(lambda p: (f"({p[0][0]} or {p[1][0]})", lambda i: p[0][1](i) or p[1][1](i))),
    )


def grouped(parts: st.SearchStrategy[tuple[str, Any]]) -> st.SearchStrategy[tuple[str, Any]]:
    return joined(parts).map(lambda one: (f"({one[0]})", one[1]))


@given(st.recursive(conditions(), grouped, max_leaves=8))
@settings(max_examples=400, deadline=None)
def test_it_means_what_it_says(condition: tuple[str, Any]) -> None:
    text, meets = condition
    assert SHOP.meets(text).tolist() == [bool(meets(item)) for item in ITEMS]
