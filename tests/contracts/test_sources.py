"""What all formats promise: a file is taken by one of them alone, whatever its name, and once."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from endcap.errors import SourceError
from endcap.importing.files import open_rows
from endcap.importing.workspace import workspace
from endcap.sources import Given, choose, sources
from tests.sources.samples import DATA, take

NAMES = sorted(path.name for path in DATA.iterdir())

TOLD = {"access.log": {"product_page": "/product/{item_id}"}}
"""What the formats of some samples have to be told."""


@pytest.mark.parametrize("name", NAMES)
def test_one_format_alone_is_sure(tmp_path: Path, name: str) -> None:
    with workspace(tmp_path) as work:
        given = Given(name, open_rows(DATA / name, work), None, work)
        sure = {format_: one.recognises(given) for format_, one in sources().items()}
    best, second = sorted(sure.values(), reverse=True)[:2]
    assert best >= 0.9, sure
    assert second <= 0.5, sure


@pytest.mark.parametrize(
    "columns",
    [
        "userId,itemId,event,timestamp,properties",
        "visitorId,itemId,eventType,eventTime",
        "ItemId,Title,Categories,Price",
        "ITEM_ID,TITLE,PRICE,IMAGE_URL",
        "id,title,price,link",
        "order_id,customer_id,sku,quantity,order_date,status",
        "session,aid,ts,type",
    ],
)
def test_tables_of_a_shop_of_ones_own_are_left_to_plain(tmp_path: Path, columns: str) -> None:
    (tmp_path / "own.csv").write_text(columns + "\n" + columns + "\n")
    with workspace(tmp_path / "tables") as work:
        given = Given("own.csv", open_rows(tmp_path / "own.csv", work), None, work)
        assert choose(given) == "plain"


@pytest.mark.parametrize("format_", sorted(sources().keys() - {"completejourney"}))
@pytest.mark.parametrize("name", ["access.log", "ga4_export.jsonl", "movielens_tags.csv"])
def test_a_file_of_another_format_is_refused_or_read(
    tmp_path: Path, name: str, format_: str
) -> None:
    with contextlib.suppress(SourceError):
        take(tmp_path, name, format_=format_, settings=TOLD["access.log"])


@pytest.mark.parametrize("name", NAMES)
def test_a_second_time_changes_nothing(tmp_path: Path, name: str) -> None:
    first = take(tmp_path, name, settings=TOLD.get(name))
    before = sorted(tmp_path.rglob("*"))
    again = take(tmp_path, name, settings=TOLD.get(name))
    assert sorted(tmp_path.rglob("*")) == before
    for kind in first.found:
        kept, duplicates, dropped = first.counts(kind)
        assert again.counts(kind) == (0, kept + duplicates, dropped)


@pytest.mark.parametrize("name", NAMES)
def test_a_dry_run_says_the_same_and_stores_nothing(tmp_path: Path, name: str) -> None:
    said = take(tmp_path, name, settings=TOLD.get(name), dry_run=True)
    assert not [*(tmp_path / "tables").rglob("*.parquet")]
    done = take(tmp_path, name, settings=TOLD.get(name))
    for kind in done.found:
        assert said.counts(kind) == done.counts(kind)
        assert done.found[kind].extract.mapping
