"""A synthetic log and catalogue with the shape of a shop's: for figures of growth, never of
accuracy.

    python -m benchmarks.synthetic FOLDER --events 1000000 --items 10000

Writes `events.parquet` and `items.parquet` into the folder.

- The activity of visitors follows a power law, and so does the popularity of items.
- Items belong to topics. A visitor has three favourite ones, stays with one for some events,
  and within it goes on to an item near the last one or to a popular one: there is a sequence
  to learn.
- Most events are views; some items that were viewed are put into the cart, and some of those
  are bought.
- The catalogue holds all items, also those that nobody has seen, with their topic and a price.

The same arguments give the same files. Visitors are drawn in blocks and written as they come,
so that memory does not grow with the number of events.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

BLOCK = 20_000
"""Visitors who are drawn at once."""

SHORTEST, LONGEST, TAIL = 5, 2_000, 1.5
"""Events of a visitor: Pareto from the shortest on, which makes 15 in the mean, cut at the end."""

HEAD = 10
"""Items of a topic, and topics, whose popularity is much the same; then it falls as 1 / rank.

Of 10,000 items, a tenth takes 38 % of the events and half of them 84 %: as in Amazon Beauty
(43 and 81 %) and RetailRocket (39 and 83 %).
"""

FAVOURITES, STAY, FOLLOW = 3, 0.9, 0.5
"""Topics of a visitor; how likely the next item is of the same one, and near the last one."""

CART, BUY = 0.08, 0.4
"""How likely a view is followed by a cart, and a cart by a purchase."""

KINDS = np.array(["view", "add_to_cart", "purchase"])

YEAR, START = 365 * 86_400, 1_735_689_600
"""Seconds of the log, and its first: 2025-01-01."""

PAUSE, VISIT, AGAIN = 60.0, 3 * 86_400.0, 0.1
"""Mean seconds between events and between visits, and how likely the next is another visit."""

Array = NDArray[Any]

SCHEMA = pa.schema(
    {
        "user_id": pa.int64(),
        "item_id": pa.int64(),
        "event_type": pa.string(),
        "timestamp": pa.int64(),
    }
)


@dataclass(frozen=True)
class Topics:
    """Items 0 to `items`, dealt out to the topics by their rank."""

    items: int

    @property
    def count(self) -> int:
        return max(3, int(self.items**0.5))

    @property
    def size(self) -> int:
        return self.items // self.count


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--events", type=int, default=1_000_000)
    arguments.add_argument("--items", type=int, default=10_000)
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    write_events(given.folder / "events.parquet", given.events, given.items, given.seed)
    pq.write_table(catalogue(given.items, given.seed), given.folder / "items.parquet")


def write_events(path: Path, events: int, items: int, seed: int) -> None:
    """Exactly that many events."""
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for table in blocks(items, seed):
            writer.write_table(table.slice(0, events))
            events -= len(table)
            if events <= 0:
                return


def catalogue(items: int, seed: int) -> pa.Table:
    """A row for each item."""
    rng, item = np.random.default_rng(seed), np.arange(items)
    topic = np.char.add("Topic ", (item % Topics(items).count).astype(str))
    price = np.round(rng.lognormal(3.0, 1.0, items), 2)
    return pa.table({"item_id": item, "categories": topic, "price": price})


def blocks(items: int, seed: int) -> Iterator[pa.Table]:
    """Events of visitors without end, a block of them at a time."""
    block = 0
    while True:
        rng = np.random.default_rng([seed, block])
        length = np.minimum(SHORTEST * (1 - rng.random(BLOCK)) ** (-1 / TAIL), LONGEST)
        length = -np.sort(-length.astype(np.int64))
        user = np.repeat(block * BLOCK + rng.permutation(BLOCK), length)
        item, kind = _behaviour(Topics(items), length, rng)
        time = _times(length, rng)
        columns = {"user_id": user, "item_id": item, "event_type": KINDS[kind], "timestamp": time}
        yield pa.table(columns, SCHEMA).take(np.argsort(user, kind="stable"))
        block += 1


def _behaviour(topics: Topics, length: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """[events] items and kinds. All visitors take their n-th step together.

    length: [visitors] events of each, falling.
    """
    first = np.cumsum(length) - length
    item, kind = np.zeros((2, length.sum()), np.int64)
    favourites = _popular(topics.count, (len(length), FAVOURITES), rng)
    topic = favourites[:, 0].copy()
    item[first] = _popular(topics.size, len(length), rng) * topics.count + topic
    for step in range(1, length.max()):
        active = int(np.searchsorted(-length, -step))  # those with more events than that
        at = first[:active] + step
        kind[at] = _next_kind(kind[at - 1], rng)
        moved = np.flatnonzero(rng.random(active) > STAY)
        topic[moved] = favourites[moved, rng.integers(0, FAVOURITES, len(moved))]
        new = _next_item(topics, item[at - 1], topic[:active], rng)
        item[at] = np.where(kind[at] > 0, item[at - 1], new)
    return item, kind


def _next_kind(last: Array, rng: np.random.Generator) -> Array:
    likely = np.array([CART, BUY, 0.0])[last]
    return np.where(rng.random(len(last)) < likely, last + 1, 0)


def _next_item(topics: Topics, last: Array, topic: Array, rng: np.random.Generator) -> Array:
    """An item of the topic: near the last one's place in its topic, or a popular one."""
    near = (last // topics.count + rng.geometric(0.5, len(last))) % topics.size
    popular = _popular(topics.size, len(last), rng)
    return np.where(rng.random(len(last)) < FOLLOW, near, popular) * topics.count + topic


def _popular(size: int, shape: int | tuple[int, ...], rng: np.random.Generator) -> Array:
    """Numbers below `size`, each about as likely as 1 / (HEAD + number)."""
    drawn = HEAD * ((1 + size / HEAD) ** rng.random(shape) - 1)
    return np.minimum(drawn.astype(np.int64), size - 1)


def _times(length: Array, rng: np.random.Generator) -> Array:
    """[events] seconds, in the order of each visitor's events."""
    rows = np.repeat(np.arange(len(length)), length)
    gap = rng.exponential(np.where(rng.random(len(rows)) < AGAIN, VISIT, PAUSE))
    passed = np.cumsum(gap)
    first = np.cumsum(length) - length
    since = passed - passed[first][rows]
    span = since[first + length - 1]
    pace = np.minimum(1.0, YEAR / np.maximum(span, 1))
    begin = rng.random(len(length)) * (YEAR - span * pace)
    times: Array = START + (begin[rows] + since * pace[rows]).astype(np.int64)
    return times


if __name__ == "__main__":
    main()
