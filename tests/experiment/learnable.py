"""A shop, imported and prepared for real, in which what comes next can be learned in a second."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

from endcap.config import Shop
from endcap.sources import import_file
from endcap.tables.prepare import prepare

USERS, ITEMS, EVENTS = 60, 30, 14

DAY = 86_400
START = 1_600_000_000

SMALL = """\
[retrievers.sequence]
dim = 8
length = 10
epochs = 2
tokens = 256
learning_rate = 0.01

[retrievers.described]
dim = 8
length = 10
epochs = 2
tokens = 256

[rankers.lambdamart]
trees = 5
leaves = 5
min_leaf = 5

[evaluate]
samples = 50
"""
"""An endcap.toml whose models are as small as they can be."""


def rows() -> Iterator[tuple[str, str, str, int]]:
    """Who takes an item takes the next one a day later; each fifth time it is a surprise."""
    chance = random.Random(1)  # noqa: S311
    for user in range(USERS):
        for step in range(EVENTS):
            item = (7 * user + step) % ITEMS if chance.random() > 0.2 else chance.randrange(ITEMS)
            moment = START + (user % 46 + step) * DAY + user
            yield f"u{user:02}", f"商品-{item:02}", "purchase", moment


def last_moment(user: str) -> int:
    return max(moment for someone, _, _, moment in rows() if someone == user)


def learnable(folder: Path, changes: Iterable[str] = (), *, last: bool = True) -> Shop:
    """The shop folder, from two CSV files to prepared tables.

    last: whether the log holds each user's last event, too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "endcap.toml").write_text(SMALL)
    events, items = folder / "events.csv", folder / "items.csv"
    log = [row for row in rows() if last or row[3] < last_moment(row[0])]
    with events.open("w", newline="") as file:
        csv.writer(file).writerows([("user_id", "item_id", "event_type", "timestamp"), *log])
    with items.open("w", newline="") as file:
        goods = [(f"商品-{item:02}", f"Thing {item}", f"Shelf {item % 3}") for item in range(ITEMS)]
        csv.writer(file).writerows([("item_id", "title", "category"), *goods])
    shop = Shop.open(folder, changes)
    for path in (events, items):
        import_file(shop.tables, str(path))
    prepare(shop)
    return shop
