"""Items that have changed, come and gone since the catalogue was made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.errors import FilterError
from endcap.tables.catalogue import NEVER, Catalogue
from endcap.tables.overlay import PIECES, ROWS, Overlay
from endcap.tables.schema import ITEMS
from tests.shops import catalogue

PATHS = [["Tea > Green"], ["Tea>Green"], ["Toys > Dolls", "Tea"], None]
PLAIN = catalogue(
    4,
    categories=[2, 2, 4, 0],
    brands=[1, 1, 2, 0],
    brand=["Acme", "Acme", "华为", None],
    title=["one", "two", "three", "four"],
    attributes=['{"size": 3}', '{"size": "big"}', '{"size": 5}', None],
    availability=["in_stock", None, "out_of_stock", "in_stock"],
)
PLACE = PLAIN.table.column_names.index("categories")
BASE = Catalogue(
    PLAIN.table.set_column(PLACE, "categories", pa.array(PATHS, pa.list_(pa.string()))),
    PLAIN.features,
)


def item(item_id: str, *, gone: bool = False, **columns: Any) -> dict[str, Any]:
    return {"item_id": item_id, **columns, "gone": gone}


def test_nothing_changed_is_the_base() -> None:
    over = Overlay.over(BASE)
    assert (over.ids, len(over), over.gone) == (BASE.ids, 4, None)
    np.testing.assert_array_equal(over.category, BASE.category)
    np.testing.assert_array_equal(over.feature_matrix, BASE.feature_matrix)
    assert over.meets("price > 11").tolist() == BASE.meets("price > 11").tolist()


def test_codes_stay_and_new_items_stand_behind() -> None:
    over = Overlay.over(BASE).changed([item("new"), item("i1", price=2.0), item("newer")])
    assert over.ids == ["i0", "i1", "i2", "i3", "new", "newer"]
    assert over.named(np.array([5, 0, 4, 5], np.int32)) == ["newer", "i0", "new", "newer"]
    assert BASE.named(np.array([3, 3], np.int32)) == ["i3", "i3"]
    assert over.named(np.zeros(0, np.int32)) == []
    assert [over.code(id_) for id_ in ("i1", "new", "newer", "none")] == [1, 4, 5, None]
    later = over.changed([item("newest"), item("new", price=1.0)])
    assert [later.code(id_) for id_ in ("new", "newer", "newest")] == [4, 5, 6]
    assert BASE.codes_in(later).tolist() == [0, 1, 2, 3]


def test_what_changed_counts_and_the_latest_counts() -> None:
    over = Overlay.over(BASE).changed([item("i1", price=2.0, title="deux")])
    over = over.changed([item("i1", price=3.0, availability="out_of_stock", expires_at=7)])
    assert over.price.tolist() == [10, 3, 12, 13]
    assert over.availability.tolist() == [0, 1, 1, 0]
    assert over.expires_at.tolist() == [NEVER, 7, NEVER, NEVER]
    rows = over.describe([2, 1], ["item_id", "title", "price"])
    assert [tuple(row.values()) for row in rows] == [("i2", "three", 12.0), ("i1", None, 3.0)]


def test_labels_that_are_known_keep_their_codes_and_new_ones_have_their_own() -> None:
    over = Overlay.over(BASE).changed(
        [
            item("i0", categories=["Toys > Dolls"], brand="华为"),
            item("a", categories=["Tea > Black"], brand="Neu"),
            item("b", categories=["Tea  >  Green"], brand="Neu"),
            item("c", categories=[]),
        ]
    )
    new = int(over.category[4])
    assert new > BASE.category.max()
    assert over.category.tolist() == [4, 2, 4, 0, new, 2, 0]
    assert over.department.tolist()[:3] == [BASE.department[2], *BASE.department[1:3]]
    assert over.department[4] == over.department[5] == BASE.department[1]
    assert over.brand.tolist()[:4] == [2, 1, 2, 0]
    assert over.brand[4] == over.brand[5] > 2
    assert over.brand[6] == 0


def test_filters_are_asked_of_the_items_as_they_are_now() -> None:
    over = Overlay.over(BASE).changed(
        [
            item("i3", price=1.0, attributes='{"size": 9}'),
            item("new", attributes='{"colour": "red"}'),
        ]
    )
    assert over.meets("price < 11").tolist() == [True, False, False, True, False]
    assert over.meets("attributes.size > 4").tolist() == [False, False, True, True, False]
    assert over.meets('attributes.colour == "red"').tolist() == [False] * 4 + [True]
    assert over.meets('attributes.colour != "red"').tolist() == [True] * 4 + [False]
    with pytest.raises(FilterError, match=r"no attribute 'weight'"):
        over.meets("weight < 3")
    with pytest.raises(FilterError, match=r"attributes\.weight"):
        over.meets("attributes.weight < 3")
    assert not over.meets("price < 11").flags.writeable


def test_what_is_gone_may_come_back() -> None:
    over = Overlay.over(BASE).changed([item("i1", gone=True), item("new", gone=True)])
    assert over.gone is not None
    assert over.gone.tolist() == [False, True, False, False, True]
    assert over.changed([item("i1"), item("new")]).gone is None


def test_features_of_a_new_item_are_those_of_one_that_nobody_has_seen() -> None:
    over = Overlay.over(BASE).changed([item("dear", price=13.0), item("free")])
    names = BASE.features.column_names
    new = dict(zip(names, over.feature_matrix[4].tolist(), strict=True))
    assert new == {"has_price": 1.0, "price": 1.0, "events": 0.0}
    assert not over.feature_matrix[5].any()
    np.testing.assert_array_equal(over.feature("price"), over.feature_matrix[:, 1])
    assert over.features.num_rows == len(over)


@given(st.lists(st.tuples(st.integers(0, 7), st.booleans()), max_size=3 * PIECES))
def test_it_is_the_catalogue_that_the_changed_items_make(changes: list[tuple[int, bool]]) -> None:
    """Whatever comes in whatever order, one by one or in pieces, and joined when there are many."""
    over, now = Overlay.over(BASE), {row["item_id"]: row for row in BASE.table.to_pylist()}
    for number, (code, joined) in enumerate(changes):
        row = item(f"i{code}", price=float(number), brand=f"b{number % 3}", title=f"{number}")
        over = over.changed([row, row] if joined else [row])
        now[row["item_id"]] = row
    plain = pa.Table.from_pylist([now[id_] for id_ in over.ids], ROWS).select(ITEMS.names)
    assert over.table.select(ITEMS.names).equals(plain)
    np.testing.assert_array_equal(over.price, Catalogue(plain, pa.table({})).price)
    wanted = Catalogue(plain, pa.table({})).meets('brand == "b1" or price > 11')
    np.testing.assert_array_equal(over.meets('brand == "b1" or price > 11'), wanted)
    assert over.describe(range(len(over)), ["title"]) == plain.select(["title"]).to_pylist()
