"""Names, kinds and values as shops write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from endcap.errors import SourceError
from endcap.importing.raw import Imported
from endcap.sources import import_file
from endcap.sources.plain import mapping, sniff

MOMENT = 1_433_221_332_000_000


def load(folder: Path, text: str, kind: str | None = None) -> tuple[Imported, list[dict[str, Any]]]:
    """Import a CSV; what became of it, and the rows."""
    path = folder / "file.csv"
    path.write_text(text, encoding="utf-8")
    (found,) = import_file(folder / "t", str(path), kind=kind)
    (stored,) = (folder / "t" / found.extract.kind).glob("*.parquet")
    return found, pq.read_table(stored).to_pylist()


@pytest.mark.parametrize(
    ("columns", "user", "item", "time"),
    [
        ("user_id item_id timestamp", "user_id", "item_id", "timestamp"),
        ("USER_ID ITEM_ID TIMESTAMP", "USER_ID", "ITEM_ID", "TIMESTAMP"),
        ("userId itemId eventTime", "userId", "itemId", "eventTime"),
        ("visitorid itemid ts", "visitorid", "itemid", "ts"),
        ("customer_id article_id t_dat", "customer_id", "article_id", "t_dat"),
        ("household_id product_id date", "household_id", "product_id", "date"),
        ("event_time event_type product_id user_id", "user_id", "product_id", "event_time"),
        ("Customer-No. SKU Order_Date", None, "SKU", "Order_Date"),
        ("reviewerID asin overall unixReviewTime", "reviewerID", "asin", "unixReviewTime"),
        ("用户ID 商品ID 时间", "用户ID", "商品ID", "时间"),
    ],
)
def test_names(columns: str, user: str | None, item: str, time: str) -> None:
    found = mapping("events", columns.split())
    assert found["item_id"] == item
    assert found["timestamp"] == time
    if user:
        assert found["user_id"] == user


def test_a_session_beside_a_user_is_a_session() -> None:
    found = mapping("events", ["user_session", "aid", "ts", "type", "user_id"])
    assert found["session_id"] == "user_session"
    assert found["event_type"] == "type"


def test_the_surest_name_wins() -> None:
    assert mapping("events", ["date", "timestamp"])["timestamp"] == "timestamp"


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ("user_id item_id timestamp", "events"),
        ("session_id item_id ts", "events"),
        ("user_id query ts", "events"),
        ("item_id title", "items"),
        ("product_id price created_at", "items"),
        ("id name categories", "items"),
        ("user_id age", "users"),
        ("customer_id signup_date", "users"),
        ("recommendation_id user_id item_id position ts", "impressions"),
    ],
)
def test_kinds(columns: str, kind: str) -> None:
    assert sniff("file", columns.split()) == kind


def test_a_file_that_may_be_more_than_one_table_is_asked_about() -> None:
    with pytest.raises(SourceError, match=r"it has user_id, item_id\..*--kind"):
        sniff("file", ["user_id", "item_id"])


def test_a_kind_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no column is understood as timestamp"):
        load(tmp_path, "user_id,item_id\n1,2\n", "events")


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("1433221332", "seconds since 1970"),
        ("1433221332.0", "seconds since 1970"),
        ("1433221332000", "milliseconds since 1970"),
        ("1433221332000000", "microseconds since 1970"),
        ("1433221332000000000", "nanoseconds since 1970"),
        ("2015-06-02T05:02:12Z", "written out"),
        ("2015-06-02T07:02:12+02:00", "written out"),
        ("2015-06-02 05:02:12", "written out"),
        ("2015-06-02 05:02:12 UTC", "written out"),
        ("02.06.2015 05:02:12", "written out"),
        ("2015/06/02 05:02:12", "written out"),
    ],
)
def test_times(tmp_path: Path, text: str, unit: str) -> None:
    found, (row,) = load(tmp_path, f"user_id,item_id,ts\nu,i,{text}\n")
    assert row["timestamp"] == MOMENT
    assert found.extract.mapping["timestamp"] == f"ts ({unit})"


@pytest.mark.parametrize("text", ["2015-06-02", "20150602", "2015年06月02日"])
def test_plain_days(tmp_path: Path, text: str) -> None:
    _, (row,) = load(tmp_path, f"user_id,item_id,date\nu,i,{text}\n")
    assert row["timestamp"] == 1_433_203_200_000_000


@pytest.mark.parametrize("text", ["1e30", "-1e30", "nan", "06/02/2015", "2015-13-45"])
def test_times_that_are_not_sure_are_not_guessed(tmp_path: Path, text: str) -> None:
    with pytest.raises(SourceError, match=r"1 × (unreadable|missing)_timestamp"):
        load(tmp_path, f"user_id,item_id,ts\nu,i,{text}\n")


@pytest.mark.parametrize("kind", ["s", "ms", "us", "ns"])
def test_times_of_parquet(tmp_path: Path, kind: str) -> None:
    times = pa.array([MOMENT], pa.timestamp("us")).cast(pa.timestamp(kind))
    pq.write_table(pa.table({"user": ["u"], "item": ["i"], "time": times}), tmp_path / "f")
    import_file(tmp_path / "t", str(tmp_path / "f"))
    (stored,) = (tmp_path / "t" / "events").glob("*.parquet")
    assert pq.read_table(stored)["timestamp"].to_pylist() == [MOMENT]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("addtocart", "add_to_cart"),
        ("Add To Cart", "add_to_cart"),
        ("transaction", "purchase"),
        ("ORDER", "purchase"),
        ("buy", "purchase"),
        ("pv", "view"),
        ("fav", "add_to_wishlist"),
        ("remove-from-cart", "remove_from_cart"),
        ("购买", "purchase"),
        ("Teleport", "Teleport"),
    ],
)
def test_event_types(tmp_path: Path, text: str, kind: str) -> None:
    _, (row,) = load(tmp_path, f"user_id,item_id,ts,event\nu,i,1433221332,{text}\n")
    assert row["event_type"] == kind


def test_without_an_event_type_all_are_purchases_and_it_says_so(tmp_path: Path) -> None:
    found, (row,) = load(tmp_path, "user_id,item_id,timestamp\nu,i,1433221332\n")
    assert row["event_type"] == "purchase"
    assert "purchase, for every row" in found.extract.mapping["event_type"]


def test_ratings_are_ratings(tmp_path: Path) -> None:
    _, (row,) = load(tmp_path, "user_id,item_id,rating,timestamp\nu,i,4.5,1433221332\n")
    assert (row["event_type"], row["value"]) == ("rate", 4.5)


def test_what_has_no_column_is_kept_as_json(tmp_path: Path) -> None:
    _, (row,) = load(tmp_path, "user_id,item_id,ts,device,空\nu,i,1433221332,phone,\n")
    assert row["context"] == '{"device":"phone"}'


def test_items(tmp_path: Path) -> None:
    text = (
        "sku;name;category;price;stock;colour;tags\n"
        '1;连衣裙;"Clothes >Dresses|Sale";$1,299.50;3;red;"new, hot"\n'
        '2;Shirt;"[""Clothes > Shirts""]";12,90;0;;\n'
    )
    _, (dress, shirt) = load(tmp_path, text)
    assert dress["title"] == "连衣裙"
    assert dress["categories"] == ["Clothes > Dresses", "Sale"]
    assert (dress["price"], shirt["price"]) == (1299.5, 12.9)
    assert (dress["availability"], shirt["availability"]) == ("in_stock", "out_of_stock")
    assert dress["attributes"] == '{"colour":"red"}'
    assert (dress["tags"], shirt["tags"]) == (["new", "hot"], None)
    assert (shirt["categories"], shirt["attributes"]) == (["Clothes > Shirts"], None)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("in stock", "in_stock"),
        ("https://schema.org/OutOfStock", "out_of_stock"),
        ("pre-order", "preorder"),
        ("缺货", "out_of_stock"),
        ("perhaps", None),
    ],
)
def test_availability(tmp_path: Path, text: str, word: str | None) -> None:
    _, (row,) = load(tmp_path, f"item_id,title,availability\n1,x,{text}\n")
    assert row["availability"] == word


def test_users_and_impressions(tmp_path: Path) -> None:
    _, (user,) = load(tmp_path, "user_id,age,signup_date\nu,30,2015-06-02\n")
    assert user == {"user_id": "u", "attributes": '{"age":"30"}', "created_at": 1433203200000000}
    text = "recommendation_id,user_id,item_id,position,ts\nr,u,i,1,1433221332\nr,u,j,2,1433221332\n"
    found, rows = load(tmp_path, text)
    assert found.extract.kind == "impressions"
    assert [row["position"] for row in rows] == [1, 2]


def test_ids_of_a_number_column_with_gaps_stay_whole(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"user": [1.0, None, 3.0], "item": [1, 2, 3], "ts": [1433221332] * 3}),
        tmp_path / "f",
    )
    (found,) = import_file(tmp_path / "t", str(tmp_path / "f"))
    assert dict(found.dropped) == {"missing_user_id": 1}
    (stored,) = (tmp_path / "t" / "events").glob("*.parquet")
    assert pq.read_table(stored)["user_id"].to_pylist() == ["1", "3"]


def test_ids_written_with_a_fraction_are_the_same_ids(tmp_path: Path) -> None:
    _, (row,) = load(tmp_path, "user_id,item_id,ts\n12.0,v1.0,1433221332\n")
    assert (row["user_id"], row["item_id"]) == ("12", "v1.0")
