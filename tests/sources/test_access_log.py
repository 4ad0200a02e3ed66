from __future__ import annotations

import json
from pathlib import Path

import pytest

from endcap.errors import SourceError
from tests.sources.samples import take

AT, SECOND = 1_700_000_000_000_000, 1_000_000


def test_views_of_products(tmp_path: Path) -> None:
    shop = take(tmp_path, "access.log", settings={"product_page": "/product/{item_id}"})
    assert shop.formats == {"access_log"}
    lost = {"broken_row": 2, "not_a_product_page": 1, "not_delivered": 2, "robot": 1}
    assert shop.counts("events") == (3, 0, {**lost, "unreadable_timestamp": 1})
    assert shop.rows("events", "event_type", "user_id", "item_id", "timestamp") == [
        ("view", None, "7", AT),
        ("view", "li ming", "红裙", AT + SECOND),
        ("view", None, "9", AT + 7 * SECOND),
    ]
    visitors = [one for (one,) in shop.rows("events", "anonymous_id")]
    assert len({*visitors}) == 3
    assert all(len(one) == 32 for one in visitors)
    (context,) = shop.rows("events", "context")[0]
    assert json.loads(context) == {"page": "/product/7", "referrer": "https://shop/"}


@pytest.mark.parametrize("page", ["", "/product/", "/{item_id}/{item_id}"])
def test_asks_what_a_product_page_is(tmp_path: Path, page: str) -> None:
    with pytest.raises(SourceError, match=r"--set product_page=/product/\{item_id\}"):
        take(tmp_path, "access.log", settings={"product_page": page})
