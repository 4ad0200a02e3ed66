"""What is on sale: the same answer whether questions are of one moment or of many."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from endcap.rules.availability import Availability, Settings
from endcap.stages import ALONE
from endcap.types import Bools, Queries
from tests.shops import DAY, START, catalogue, queries

COMES = [None, START + 3 * DAY, START + 5 * DAY, None, None]
GOES = [None, None, START + 8 * DAY, START + 6 * DAY, None]
STOCK = ["in_stock", "in_stock", "preorder", "in_stock", "out_of_stock"]


def rule() -> Availability:
    goods = catalogue(5, created_at=COMES, expires_at=GOES, availability=STOCK)
    return Availability.fit(Settings(), goods, ALONE)


def on_sale(asked: Queries) -> Bools:
    """[queries, items] what each may be answered with."""
    pairs = (
        np.repeat(np.arange(len(asked), dtype=np.int32), 5),
        np.tile(np.arange(5, dtype=np.int32), len(asked)),
    )
    return asked.permits(*pairs).reshape(len(asked), 5)


def test_many_moments_and_each_alone_agree() -> None:
    moments = START + np.array([0, 3, 4, 5, 6, 7, 8, 9]) * DAY
    asked = replace(queries(*[[0]] * len(moments)), times=moments)
    availability = rule()
    together = on_sale(availability.restrict(asked))
    for row in range(len(moments)):
        alone = availability.restrict(asked.take(np.array([row])))
        np.testing.assert_array_equal(on_sale(alone)[0], together[row])
    assert together[:, 0].all()
    assert not together[:, 4].any()
    assert together[:, 1].tolist() == [False, *[True] * 7]  # from its first moment on
    assert together[:, 2].tolist() == [False] * 3 + [True] * 3 + [False] * 2


def test_where_all_is_on_sale_nothing_is_restricted() -> None:
    goods = catalogue(5, created_at=[None] * 5, expires_at=[None] * 5)
    asked = queries([0], [1])
    assert Availability.fit(Settings(), goods, ALONE).restrict(asked) is asked
