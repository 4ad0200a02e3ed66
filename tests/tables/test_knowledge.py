"""Facts of the catalogue and of triples, and those that are none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from endcap.sources import import_file
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Dataset
from endcap.tables.knowledge import Knowledge
from endcap.tables.prepare import prepare, prepared
from endcap.tables.schema import TRIPLES
from tests.contents import goods
from tests.tables.raw_shop import event, raw_shop


def known(
    items: Sequence[dict[str, Any]], triples: Sequence[tuple[str, str, str]] = ()
) -> Knowledge:
    catalogue = goods(items)
    rows = [dict(zip(TRIPLES.names, fact, strict=True)) for fact in triples]
    facts = TRIPLES.empty_table().from_pylist(rows, TRIPLES)
    return Knowledge.of(Catalogue(catalogue.table, catalogue.features, facts))


def said(found: Knowledge) -> set[tuple[str, str, str]]:
    """Facts by name; an item is #0, #1, …"""
    nodes = [*(f"#{item}" for item in range(found.items)), *found.names]
    return {
        (nodes[head], found.relations[link], nodes[tail])
        for head, link, tail in zip(found.heads, found.links, found.tails, strict=True)
    }


def test_what_the_columns_say() -> None:
    attributes = {"colours": ["Red", ""], "grams": 5, "new": True, "also_bought": ["i1", "gone"]}
    row = {"categories": ["Home > Lamps", " home"], "brand": " ACME  Ltd", "tags": ["Sale"]}
    found = known([{**row, "attributes": attributes}, {"brand": "红"}, {}])
    assert said(found) == {
        ("#0", "category", "category: home"),
        ("#0", "category", "category: home > lamps"),
        ("#0", "brand", "brand: acme ltd"),
        ("#0", "tag", "tag: sale"),
        ("#0", "colours", "colours: red"),
        ("#0", "goes with", "#1"),
        ("#0", "goes with", "gone"),
        ("#1", "brand", "brand: 红"),
    }
    assert found.faults["repeated"] == 1, "home, twice"


def test_triples_speak_of_items_and_of_things_that_are_items() -> None:
    facts = [
        ("i0", "origin", "Italy"),
        ("m.1", "origin", "Italy"),
        ("i1", "is", "m.1"),
        ("m.1", "is", "i2"),
    ]
    assert said(known([{}, {}, {}], facts)) == {
        ("#0", "origin", "Italy"),
        ("#1", "origin", "Italy"),
        ("#2", "is", "#1"),
    }


@pytest.mark.parametrize(
    ("fact", "fault"),
    [
        (("Rome", "in", "Italy"), "no_item"),
        (("i0", "like", "i0"), "itself"),
        (("77", "is", "m.7"), "unknown_item"),
        (("i0", "by", "Ann"), "repeated"),
    ],
)
def test_a_fact_that_says_nothing_is_counted(fact: tuple[str, str, str], fault: str) -> None:
    good = ("i0", "by", "Ann")
    found = known([{}], [good, fact])
    assert said(found) == {("#0", "by", "Ann")}
    assert found.faults[fault] == 1


def test_categories_in_a_circle_are_counted() -> None:
    round_ = [{"categories": ["Pens > Ink", "Paper"]}, {"categories": ["Ink > Dye"]}]
    assert known(round_).faults["circle"] == 0
    assert known([*round_, {"categories": ["Dye > Pens"]}]).faults["circle"] == 3
    assert known([{"categories": ["Pens > Pens"]}]).faults["circle"] == 1
    triples = [
        ("x", "parent", "y"),
        ("y", "parent", "x"),
        ("i0", "sort", "x"),
        ("y", "likes", "i0"),
    ]
    found = known([{}], triples)
    assert found.faults["circle"] == 2
    assert len(found) == 4, "and all are walked on"


def test_damaged_and_empty_columns_say_nothing() -> None:
    catalogue = Catalogue.of({"item_id": ["a", "b"], "attributes": ["{", "[1]"]})
    assert len(Knowledge.of(catalogue)) == 0
    assert len(Knowledge.of(Catalogue.of({"item_id": ["a"]}))) == 0
    assert len(known([])) == 0


def test_from_a_file_to_the_dataset(tmp_path: Path) -> None:
    """Imported twice it is there once; the report counts what says nothing."""
    rows = ["head,relation,tail", "a,by,Ann", "b,by,Ann", "Rome,in,Italy", "b,by,Ann", ",by,Ann"]
    (tmp_path / "facts.csv").write_text("\n".join(rows), encoding="utf-8")
    shop = raw_shop(tmp_path, [event("u", item, day) for day, item in enumerate("ab" * 30)])
    for kept, again in ((3, 1), (0, 4)):
        (found,) = import_file(shop.tables, str(tmp_path / "facts.csv"))
        assert (found.extract.kind, found.kept, found.duplicates) == ("triples", kept, again)
        assert found.dropped == {"missing_head": 1}
    report = prepare(shop)
    assert report["knowledge"] == {
        "facts": 2,
        "things": 3,
        "repeated": 0,
        "no_item": 1,
        "itself": 0,
        "unknown_item": 0,
        "circle": 0,
    }
    dataset = Dataset.load(prepared(shop))
    assert len(dataset.catalogue.triples) == 3
    dataset.catalogue.save(tmp_path / "release")
    loaded = Catalogue.open(tmp_path / "release")
    assert loaded.triples.equals(dataset.catalogue.triples)
    assert json.dumps(report)
