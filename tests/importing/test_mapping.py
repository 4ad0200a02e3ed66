"""A mapping says what a file means, and one is proposed for a file that nobody knows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from endcap.cli.app import run
from endcap.errors import ConfigError, SourceError
from endcap.importing.mapping import load
from endcap.sources import import_file, proposed
from tests.pages import blocks
from tests.sources.samples import Shop, take

FILE = """\ufeffkunde;artikel;wann;art;cent;pfad;notiz
k1;SKU-7;31/12/2023 23:30;K;1990;Mode/Kleider;x
k2;SKU-8;01/01/2024 00:30;W;;Mode/Schuhe;红
;SKU-8;01/01/2024 00:30;W;1;;
k3;SKU-9;2024;W;1;;
"""

MAPPING = """
kind = "events"
drop = ["notiz"]

[columns]
user_id = "kunde"
item_id = { column = "artikel", replace = [["^SKU-", ""]] }
timestamp = { column = "wann", format = "%d/%m/%Y %H:%M", zone = "Europe/Berlin" }
event_type = { column = "art", values = { K = "purchase", W = "add_to_cart" } }
price = { column = "cent", times = 0.01 }
currency = { constant = "EUR" }
"""


def mapped(folder: Path, text: str, mapping: str) -> Shop:
    (folder / "till.csv").write_text(text, encoding="utf-8")
    (folder / "m.toml").write_text(mapping, encoding="utf-8")
    return take(folder, folder / "till.csv", mapping=load(folder / "m.toml"))


def test_another_mapping_corrects_the_one_before(tmp_path: Path) -> None:
    mapping = 'kind = "items"\n[columns]\nitem_id = "nr"\ntitle = "%s"\n'
    text = "nr;lang;kurz\n1;Rotes Kleid;Kleid\n"
    for column, kept in (("kurz", 1), ("kurz", 0), ("lang", 1)):
        shop = mapped(tmp_path, text, mapping % column)
        assert shop.counts("items") == (kept, 1 - kept, {})
    assert shop.rows("items", "title") == [("Kleid",), ("Rotes Kleid",)]


def moment(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1e6)  # type: ignore[misc, arg-type]


def test_a_mapping_says_it_all(tmp_path: Path) -> None:
    shop = mapped(tmp_path, FILE, MAPPING)
    dropped = {"missing_user_id": 1, "unreadable_timestamp": 1}
    assert shop.counts("events") == (2, 0, dropped)
    assert shop.formats == {"mapped"}
    columns = ("user_id", "item_id", "timestamp", "event_type", "price", "currency", "context")
    assert shop.rows("events", *columns) == [
        (
            "k1",
            "7",
            moment(2023, 12, 31, 22, 30),
            "purchase",
            19.9,
            "EUR",
            '{"pfad":"Mode/Kleider"}',
        ),
        (
            "k2",
            "8",
            moment(2023, 12, 31, 23, 30),
            "add_to_cart",
            None,
            "EUR",
            '{"pfad":"Mode/Schuhe"}',
        ),
    ]


def test_lists_and_paths_and_units(tmp_path: Path) -> None:
    text = "nr,worte,pfad,seit\n1,a+b,Mode/Kleider;Sale,1700000000000\n2,,,\n"
    mapping = """
kind = "items"
[columns]
item_id = "nr"
tags = { column = "worte", separator = "+" }
categories = { column = "pfad", separator = ";", path = "/" }
created_at = { column = "seit", unit = "milliseconds" }
"""
    shop = mapped(tmp_path, text, mapping)
    assert shop.rows("items", "item_id", "tags", "categories", "created_at") == [
        ("1", ["a", "b"], ["Mode > Kleider", "Sale"], 1_700_000_000_000_000),
        ("2", None, None, None),
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ('user_id = "kunde"|user = "kunde"', r"events have no 'user'"),
        ('zone = "Europe/Berlin"|zone = "Mars/Base"', "no such time zone"),
        ("replace|replaces", "there is no such setting, but column"),
        ('"^SKU-"|"(["', "is no pattern"),
        ('kind = "events"|kind = "orders"', "'orders'"),
        ('kind = "events"|kind = ', "not valid TOML"),
        ('{ constant = "EUR" }|{}', "either `column` or `constant`"),
    ],
)
def test_a_wrong_mapping_is_told(tmp_path: Path, change: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        mapped(tmp_path, FILE, MAPPING.replace(change.split("|")[0], change.split("|")[1]))


def test_what_is_wrong_is_not_drowned_in_the_file(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"/m\.toml: events have no 'user', but event_id, event_type"
    ):
        mapped(tmp_path, FILE, MAPPING.replace('user_id = "kunde"', 'user = "kunde"'))


@pytest.mark.parametrize("text", blocks("how-to/import.md", "toml"))
def test_the_mappings_of_the_docs_are_understood(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.toml").write_text(text, encoding="utf-8")
    assert load(tmp_path / "m.toml").columns


def test_a_column_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no column 'zeit'.*one of kunde, artikel"):
        mapped(tmp_path, FILE, MAPPING.replace('"wann"', '"zeit"'))
    (tmp_path / "m.toml").write_text(MAPPING)
    with pytest.raises(SourceError, match="can't be items"):
        take(tmp_path, tmp_path / "till.csv", mapping=load(tmp_path / "m.toml"), kind="items")


UNKNOWN = "kundennr;artikelnr;am;vorgang\n" + "".join(
    f"{n};{n % 7};{n + 10}.03.2024 10:0{n};{('view', 'Kauf')[n % 2]}\n" for n in range(9)
)


def test_a_mapping_is_proposed_and_works(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.csv"
    path.write_text(UNKNOWN)
    shop = str(tmp_path / "shop")
    assert run(["import", str(path), "--dry-run", "--shop", shop]) == 1
    said = capsys.readouterr()
    assert "not in a format that Endcap knows" in said.err
    assert 'user_id = "kundennr"' in said.out
    assert 'values = { "Kauf" = "…" }' in said.out
    (tmp_path / "m.toml").write_text(said.out)
    assert run(["import", str(path), "--mapping", str(tmp_path / "m.toml"), "--shop", shop]) == 0
    assert "9 events kept" in capsys.readouterr().out


def test_what_is_not_sure_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b,c\n1,2,03/04/2024\n4,5,06/07/2024\n")
    text = proposed(tmp_path / "t", str(path))
    assert '# user_id = "…"  # which? One of: a, b' in text
    assert '# timestamp = { column = "c", format = "%d/%m/%Y" }' in text
    assert '# timestamp = { column = "c", format = "%m/%d/%Y" }' in text
    path.write_text(path.read_text() + "4,5,26/07/2024\n")
    assert '\ntimestamp = { column = "c", format = "%d/%m/%Y" }' in proposed(
        tmp_path / "t", str(path)
    )


def test_an_existing_file_needs_no_mapping(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("user_id,item_id,ts\nu,i,1433221332\n")
    assert import_file(tmp_path / "t", str(path))[0].origin.format == "plain"
