"""A made-up tea shop to try things on: what its web server and its till wrote in two months.

    python examples/tea_shop.py FOLDER

Writes FOLDER/visits.csv (views, carts, purchases) and FOLDER/products.csv. Each visitor has a
taste; who looks at a tea looks at its neighbour on the shelf next, and who has bought a tea comes
back for what it is made in.
"""

from __future__ import annotations

import csv
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

SHELVES = {
    "Green tea": "Sencha Gyokuro Matcha Genmaicha Bancha Hojicha 龙井 碧螺春 黄山毛峰",
    "Black tea": "Assam Darjeeling Ceylon Keemun Lapsang Yunnan Nilgiri Kenya 正山小种",
    "Oolong": "Tieguanyin Dongding Oriental-Beauty Alishan Milk-Oolong 大红袍 凤凰单丛",
    "Herbal tea": "Chamomile Peppermint Rooibos Hibiscus Verbena Lemongrass Ginger Fennel",
}

TOOLS = {
    "Green tea": "Kyusu-pot Bamboo-whisk Yunomi-cup",
    "Black tea": "Brown-Betty-pot Tea-strainer Milk-jug",
    "Oolong": "Gaiwan Yixing-pot Tasting-cup",
    "Herbal tea": "Glass-pot Double-wall-glass Honey-dipper",
}

MAKERS = "Leaf & Bud", "Old Harbour", "Cloud Terrace", "茶山"

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)

Row = tuple[object, ...]


def products() -> list[Row]:
    """sku, name, shelf, brand, price, stock."""
    rows: list[Row] = []
    for shelf in SHELVES:
        for group, names, price in (("Tea", SHELVES, 6.5), ("Tools", TOOLS, 19.0)):
            for place, name in enumerate(names[shelf].split()):
                code, title = f"T{len(rows) + 1:03}", name.replace("-", " ")
                brand = MAKERS[len(rows) % len(MAKERS)]
                rows.append((code, title, f"{group} > {shelf}", brand, price + place, 25))
    return rows


def visits(visitors: int, chance: random.Random) -> Iterator[Row]:
    """time, visitor, what, product."""
    codes: dict[str, list[str]] = {}
    for code, _, shelf, *_ in products():
        codes.setdefault(str(shelf), []).append(str(code))
    for visitor in range(visitors):
        taste = chance.choice(list(SHELVES))
        for _ in range(chance.randint(1, 5)):
            at = BEGIN + timedelta(minutes=chance.randrange(60 * 24 * 60))
            yield from _visit(f"visitor-{visitor}", at, codes, taste, chance)


def _visit(
    who: str, at: datetime, codes: dict[str, list[str]], taste: str, chance: random.Random
) -> Iterator[Row]:
    shelf = taste if chance.random() < 0.8 else chance.choice(list(SHELVES))
    teas, tools = codes[f"Tea > {shelf}"], codes[f"Tools > {shelf}"]
    place, bought = chance.randrange(len(teas)), False
    for _ in range(chance.randint(2, 6)):
        place = (place + 1) % len(teas) if chance.random() < 0.7 else chance.randrange(len(teas))
        actions = ["view"]
        if chance.random() < 0.3:
            actions += ["cart", "purchase"] if chance.random() < 0.6 else ["cart"]
        for action in actions:
            at += timedelta(seconds=chance.randint(10, 90))
            yield at.isoformat(), who, action, teas[place]
        bought |= "purchase" in actions
    if bought and chance.random() < 0.5:
        yield (at + timedelta(seconds=60)).isoformat(), who, "view", chance.choice(tools)


def write(folder: Path, visitors: int = 800) -> tuple[Path, Path]:
    """The two files."""
    folder.mkdir(parents=True, exist_ok=True)
    log, catalogue = folder / "visits.csv", folder / "products.csv"
    lines = sorted(map(tuple, visits(visitors, random.Random(1))))  # noqa: S311 (no secret)
    _table(log, ("time", "visitor", "action", "product"), lines)
    _table(catalogue, ("sku", "name", "category", "brand", "price", "stock"), products())
    return log, catalogue


def _table(path: Path, header: Row, rows: list[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


if __name__ == "__main__":
    for path in write(Path(sys.argv[1] if len(sys.argv) > 1 else "tea")):
        print(path)
