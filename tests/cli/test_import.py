"""`endcap import` as a user meets it: good files, and every kind of bad one."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from endcap.cli.app import run
from endcap.tables.schema import TABLES

HEADER = "user_id,item_id,event_type,timestamp\n"
GOOD = HEADER + "".join(f"u{n % 7},i{n % 11},view,{1_700_000_000 + n}\n" for n in range(300))


class Desk:
    """A shop folder, and someone who imports into it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        self.shop = folder / "shop"

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def run(self, *arguments: str | Path) -> tuple[int, str, str]:
        code = run(["import", *map(str, arguments), "--shop", str(self.shop)])
        said = self.capsys.readouterr()
        return code, said.out, said.err

    def imports(self, *arguments: str | Path) -> dict[str, Any]:
        """What the JSON says of the one file that was imported."""
        code, out, err = self.run(*arguments, "--json")
        assert code == 0, err
        (found,) = json.loads(out)["files"]
        return dict(found)

    def refuses(self, *arguments: str | Path) -> str:
        """The one message, after a check that nothing was imported."""
        code, out, err = self.run(*arguments)
        assert (code, out) == (1, "")
        assert err.startswith("Error: ")
        assert "Traceback" not in err
        assert not [*self.shop.rglob("*.parquet"), *self.shop.rglob(".import-*")]
        return err

    def table(self, kind: str) -> pa.Table:
        return pa.concat_tables(
            pq.read_table(path) for path in sorted((self.shop / "tables" / kind).glob("*.parquet"))
        )


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


def test_answers_as_the_contract_says(desk: Desk) -> None:
    path = desk.file("events.csv", GOOD)
    assert desk.imports(path) == {
        "path": str(path),
        "format": "plain",
        "kind": "events",
        "read": 300,
        "kept": 300,
        "duplicates": 0,
        "dropped": {},
    }
    table = desk.table("events")
    assert table.schema.names == TABLES["events"].names
    assert table.schema.types == TABLES["events"].types
    assert table["timestamp"][0].as_py() == 1_700_000_000_000_000


def test_the_same_file_twice_changes_nothing(desk: Desk) -> None:
    path = desk.file("events.csv", GOOD)
    desk.imports(path)
    before = sorted(desk.shop.rglob("*"))
    again = desk.imports(path)
    assert (again["read"], again["kept"], again["duplicates"]) == (300, 0, 300)
    assert sorted(desk.shop.rglob("*")) == before


def test_a_dry_run_says_all_and_stores_nothing(desk: Desk) -> None:
    assert desk.imports(desk.file("events.csv", GOOD), "--dry-run")["kept"] == 300
    assert not [*desk.shop.rglob("*.parquet")]


def test_people_read_what_was_mapped_kept_and_dropped(desk: Desk) -> None:
    code, out, _ = desk.run(
        desk.file("log.csv", GOOD.replace("user_id", "CUSTOMER ID") + ",i1,view,1\n")
    )
    assert code == 0
    assert "300 events kept" in out
    assert "CUSTOMER ID" in out
    assert "missing user id" in out
    assert "seconds since 1970" in out


def test_one_bad_file_does_not_take_good_ones_down(desk: Desk) -> None:
    good, bad = desk.file("events.csv", GOOD), desk.file("empty.csv", "")
    code, out, err = desk.run(good, bad, "--json")
    assert code == 1
    assert "empty.csv is empty" in err
    assert json.loads(out)["files"][0]["kept"] == 300


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"", "is empty"),
        ("blank.csv", b"\n\n  \n", "is empty"),
        ("header.csv", HEADER, "holds no rows"),
        ("truncated.parquet", b"PAR1" + bytes(100), "cannot be read"),
        ("garbage.csv", bytes(range(256)) * 40, "is not text"),
        ("no_column.csv", "colour,size\nred,3\n", "is not in a format that Endcap knows"),
        ("headless.csv", "u1,i1,view,1700000000\nu2,i2,view,1700000001\n", "has u1, i1, view"),
        ("two_ids.csv", "user_id,item_id\nu1,i1\n", "--kind"),
        ("cut.csv.gz", gzip.compress(GOOD.encode())[:-20], "is damaged"),
        ("all_broken.csv", HEADER + "u1\n" * 20, "20 broken ones"),
        ("no_time.csv", HEADER + "u1,i1,view,soon\n", "1 × unreadable_timestamp"),
        ("not_json.jsonl", "{]\n{]\n", "holds no rows"),
        ("greek.csv", HEADER.encode() + "Ωδή,ώς,ίο,1700000000\n".encode("iso8859-7"), "UTF-8"),
    ],
)
def test_refuses_clearly(desk: Desk, name: str, content: str | bytes, message: str) -> None:
    assert message in desk.refuses(desk.file(name, content))


def test_refuses_a_folder_a_missing_file_and_an_unknown_format(desk: Desk) -> None:
    assert "stands for no file" in desk.refuses(desk.folder)
    assert "stands for no file" in desk.refuses(desk.folder / "*.csv")
    assert "There is no file" in desk.refuses(desk.folder / "nowhere.csv")
    message = desk.refuses(desk.file("events.csv", GOOD), "--format", "excel")
    assert "completejourney, plain, retailrocket" in message or "'plain'" in message


def test_refuses_a_parquet_file_that_is_cut_off(desk: Desk) -> None:
    path = desk.folder / "events.parquet"
    pq.write_table(
        pa.table({"user_id": ["u"] * 999, "item_id": ["i"] * 999, "ts": [1] * 999}), path
    )
    path.write_bytes(path.read_bytes()[:-40])
    assert "cannot be read" in desk.refuses(path)


def test_wrong_usage_is_two(desk: Desk) -> None:
    assert desk.run()[0] == 2
    assert desk.run(desk.file("events.csv", GOOD), "--kind", "shoes")[0] == 2


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_finds_the_delimiter(desk: Desk, delimiter: str) -> None:
    path = desk.file("events.csv", GOOD.replace(",", delimiter))
    assert desk.imports(path)["kept"] == 300


@pytest.mark.parametrize("name", ["events.csv.gz", "events.csv", "events.parquet"])
def test_the_content_counts_not_the_name(desk: Desk, name: str) -> None:
    """Gzip without its ending, and plain text with the wrong one."""
    content = GOOD.encode() if name == "events.csv.gz" else gzip.compress(GOOD.encode())
    assert desk.imports(desk.file(name, content))["kept"] == 300


def test_reads_zstd_and_parquet_inside_it(desk: Desk) -> None:
    path = desk.folder / "events.parquet"
    pq.write_table(pa.table({"uid": ["用户"], "sku": ["商品"], "ts": [1_700_000_000]}), path)
    whole = pa.Codec("zstd").compress(path.read_bytes(), asbytes=True)
    assert desk.imports(desk.file("events.parquet.zst", whole))["kept"] == 1
    assert desk.table("events")["item_id"].to_pylist() == ["商品"]


@pytest.mark.parametrize("encoding", ["gbk", "utf-16", "utf-8-sig", "gb18030"])
def test_chinese_in_any_encoding(desk: Desk, encoding: str) -> None:
    text = "用户ID,商品ID,行为类型,时间\n" + "张三,红色连衣裙,购买,2023-11-11 00:00:01\n" * 1
    found = desk.imports(desk.file("日志.csv", text.encode(encoding)))
    assert (found["kind"], found["kept"]) == ("events", 1)
    row = desk.table("events").to_pylist()[0]
    assert (row["user_id"], row["item_id"], row["event_type"]) == ("张三", "红色连衣裙", "purchase")


def test_latin_1_is_told(desk: Desk) -> None:
    text = "item_id;title\n1;Crème brûlée\n2;Müsli für Überflieger\n"
    assert desk.imports(desk.file("items.csv", text.encode("latin-1")))["kind"] == "items"
    assert desk.table("items")["title"].to_pylist()[0] == "Crème brûlée"


def test_broken_rows_are_dropped_and_counted(desk: Desk) -> None:
    lines = GOOD.splitlines()
    lines[50], lines[150], lines[250] = "u1,i1", "u1,i1,view,1,2,3,4", "u1"
    found = desk.imports(desk.file("events.csv", "\n".join(lines)))
    assert (found["read"], found["kept"], found["dropped"]) == (300, 297, {"broken_row": 3})


def test_a_quotation_mark_left_open_costs_one_line(desk: Desk) -> None:
    lines = GOOD.splitlines()
    lines[2] = '"u1,i1,view,1700000000'
    found = desk.imports(desk.file("events.csv", "\n".join(lines)))
    assert (found["kept"], found["dropped"]) == (299, {"unclosed_quote": 1})


def test_a_quotation_mark_within_costs_one_row_and_fields_may_have_lines(desk: Desk) -> None:
    text = 'item_id,title\n1,"two\nlines"\n2,"a"b\n3,"say ""hi"""\n'
    found = desk.imports(desk.file("items.csv", text))
    assert (found["kept"], found["dropped"]) == (2, {"unclosed_quote": 1})
    assert desk.table("items")["title"].to_pylist() == ["two\nlines", 'say "hi"']


def test_lines_may_end_in_more_than_one_way(desk: Desk) -> None:
    text = GOOD.replace("view,1700000005\n", "view,1700000005\r\n")
    assert desk.imports(desk.file("events.csv", text))["kept"] == 300


def test_missing_ids_and_times_are_dropped_and_counted(desk: Desk) -> None:
    bad = ",i1,view,1700000000\nNULL,i1,view,1700000000\nu1,,view,1700000000\n" + (
        "u1,i1,view,\nu1,i1,view,yesterday\nu1,i1,,1700000000\nu\0x,i1,view,1700000000\n"
    )
    found = desk.imports(desk.file("events.csv", GOOD + bad))
    assert found["kept"] == 300
    assert found["dropped"] == {
        "missing_user_id": 3,
        "missing_item_id": 1,
        "missing_timestamp": 1,
        "unreadable_timestamp": 1,
        "missing_event_type": 1,
    }


def test_a_time_in_the_future_is_kept_for_prepare_to_judge(desk: Desk) -> None:
    assert desk.imports(desk.file("events.csv", GOOD + "u1,i1,view,4102444800\n"))["kept"] == 301


def test_mixed_types_and_a_huge_line(desk: Desk) -> None:
    text = "user_id,item_id,timestamp,price\n1,2,1700000000,cheap\nx,y,2023-01-01,3\n"
    text += f"u,{'z' * 3_000_000},1700000000,1\n"
    found = desk.imports(desk.file("events.csv", text))
    assert (found["kept"], found["dropped"]) == (2, {"broken_row": 1})
    assert desk.table("events")["price"].to_pylist() == [None, 3.0]


def test_json_lines_with_broken_ones(desk: Desk) -> None:
    row = {"visitorId": "u1", "itemId": 7, "event": "addToCart", "time": "2024-01-01T00:00:00Z"}
    text = json.dumps(row | {"context": {"page": 3}, "device": "手机"}) + "\n\nnot json\n[1]\n"
    found = desk.imports(desk.file("events.jsonl", text))
    assert (found["read"], found["kept"], found["dropped"]) == (3, 1, {"broken_row": 2})
    event = desk.table("events").to_pylist()[0]
    assert (event["event_type"], event["item_id"]) == ("add_to_cart", "7")
    assert json.loads(event["context"]) == {"page": 3, "device": "手机"}


def test_duplicate_items_count_and_the_last_row_stays(desk: Desk) -> None:
    text = "item_id,title,price\n1,Old,2\n2,Other,3\n1,New,4\n"
    found = desk.imports(desk.file("items.csv", text))
    assert (found["read"], found["kept"], found["duplicates"]) == (3, 2, 1)
    assert desk.table("items")["title"].to_pylist() == ["Other", "New"]


def test_types_that_are_not_known_are_kept_with_a_warning(desk: Desk) -> None:
    code, out, _ = desk.run(desk.file("events.csv", GOOD + "u1,i1,teleport,1700000000\n"))
    assert code == 0
    assert "teleport (1)" in out
    assert "teleport" in desk.table("events")["event_type"].to_pylist()


@pytest.mark.slow
def test_one_user_with_a_million_events(desk: Desk) -> None:
    count = 1_000_000
    table = pa.table(
        {"user_id": ["u"] * count, "item_id": pa.array(range(count)), "ts": [1] * count}
    )
    pq.write_table(table, desk.folder / "bot.parquet")
    assert desk.imports(desk.folder / "bot.parquet")["kept"] == count
