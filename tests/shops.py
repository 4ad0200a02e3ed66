"""Small shops whose right answers are known by thought, for tests of what comes after `prepare`.

`tests.tables.raw_shop` makes shops as `import` leaves them; here they are as `prepare` leaves
them, with no more in them than a test says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part
from endcap.tables.schema import ITEMS, kind
from endcap.types import Floats, History, Int32s, Int64s, Queries, Ragged, Ranking, offsets_of

DAY = 86_400_000_000
START = 1_600_000_000_000_000
PURCHASE = kind("purchase")


def catalogue(
    items: int,
    *,
    categories: Sequence[int] | None = None,
    brands: Sequence[int] | None = None,
    prices: Sequence[float] | None = None,
    features: Mapping[str, Floats] | None = None,
    **columns: Sequence[Any],
) -> Catalogue:
    """Items "i0", "i1", …; a department for each two categories.

    features: more of them beside `has_price`, `price` and `events`, or others instead of those.
    columns: more columns of the table `items`.
    """
    prices = prices or [10.0 + item for item in range(items)]
    ids = [f"i{item}" for item in range(items)]
    given: dict[str, Any] = {"item_id": ids, "price": prices, **columns}
    table = pa.table(
        {field.name: pa.array(given.get(field.name, [None] * items), field.type) for field in ITEMS}
    )
    category = np.array(categories if categories is not None else [0] * items, np.int32)
    codes = {
        "category": category,
        "department": (category + 1) // 2,
        "brand_code": np.array(brands if brands is not None else [0] * items, np.int32),
    }
    for name, values in codes.items():
        table = table.append_column(name, pa.array(values, pa.int32()))
    scale = np.asarray(prices, np.float32) / max(prices, default=1.0)
    known = {"has_price": np.ones(items, np.float32), "price": scale, "events": 0 * scale}
    return Catalogue(table, pa.table({**known, **(features or {})}))


def dataset(
    folder: Path,
    users: Sequence[int],
    items: Sequence[int],
    *,
    kinds: Sequence[int] | None = None,
    times: Sequence[int] | None = None,
    parts: Sequence[int] | None = None,
    values: Sequence[float] | None = None,
    goods: Catalogue | None = None,
    protocol: Literal["time", "leave-one-out"] = "time",
    targets: Sequence[int] = (PURCHASE,),
    history: int = 100,
    max_queries: int = 5_000,
) -> Dataset:
    """A prepared folder with these events, as `Dataset.load` reads it.

    users: codes from 1. kinds: purchases where not given. times: µs after `START`, one day
    apart where not given. parts: PAST where not given. The item features of each part hold
    `events`, the share that an item has of the events before it, by the most popular one's.
    """
    size = len(users)
    user, item = np.array(users, np.int32), np.array(items, np.int32)
    time = np.array(times if times is not None else np.arange(size) * DAY, np.int64) + START
    columns: dict[str, NDArray[Any]] = {
        "user": user,
        "item": item,
        "kind": np.array(kinds if kinds is not None else [PURCHASE] * size, np.int8),
        "time": time,
        "part": np.array(parts if parts is not None else [Part.PAST] * size, np.int8),
        "value": np.array(values if values is not None else [np.nan] * size, np.float32),
    }
    order = np.lexsort((time, user))
    events = {name: values[order] for name, values in columns.items()}
    events["session"] = _sessions(events["user"], events["time"])
    goods = goods or catalogue(int(item.max(initial=0)) + 1)
    (folder / "features").mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(events), folder / "events.parquet")
    pq.write_table(goods.table, folder / "items.parquet")
    names = [f"u{code}" for code in range(1, int(user.max(initial=0)) + 1)]
    pq.write_table(pa.table({"user_id": pa.array(names, pa.string())}), folder / "users.parquet")
    for part in (Part.RANKER, Part.VALIDATION, Part.TEST, Part.LIVE):
        known = events["item"][events["part"] < part]
        _write_features(folder / "features" / f"items-{int(part)}.parquet", goods, known)
    meaning = {
        "protocol": protocol,
        "targets": list(targets),
        "history": history,
        "max_queries": max_queries,
        "fingerprint": "test",
    }
    (folder / "meaning.json").write_text(json.dumps(meaning))
    return Dataset.load(folder)


def _sessions(user: Int32s, time: Int64s) -> Int32s:
    """A pause of more than half an hour begins a new one."""
    begins = np.ones(len(user), np.bool_)
    begins[1:] = (np.diff(user) != 0) | (np.diff(time) > DAY // 48)
    return np.cumsum(begins).astype(np.int32)


def _write_features(path: Path, goods: Catalogue, known: Int32s) -> None:
    count = np.bincount(known, minlength=len(goods)).astype(np.float32)
    place = goods.features.column_names.index("events")
    share = pa.array(count / max(count.max(initial=0), 1))
    pq.write_table(goods.features.set_column(place, "events", share), path)


def in_parts(path: Path, files: int = 3) -> None:
    """Have a file as Spark writes it: a folder of several, with a checksum for each."""
    table = pq.read_table(path)
    path.unlink()
    path.mkdir()
    (path / "_SUCCESS").touch()
    for number in range(files):
        begin, end = (table.num_rows * place // files for place in (number, number + 1))
        part = path / f"part-{number:05}-1f.c000.zstd.parquet"
        pq.write_table(table.slice(begin, end - begin), part)
        part.with_name(f".{part.name}.crc").write_bytes(b"crc")


@dataclass(frozen=True)
class Checkerboard:
    """Users and items in two colours; everyone takes items of their own colour only, one a
    day, in an order by chance, and has not taken all of them yet.

        item    0 1 2 3 4 5 6 7 8 9      day by day
        user 1    ■   ■   ■   ■          7, 1, 5, 3, …
        user 2  ■       ■   ■   ■        4, 8, 0, 6, …

    The last three days are the parts RANKER, VALIDATION and TEST, under both protocols. So
    each question's right answer is an item of the visitor's colour that is new to them, and
    no item of it is likelier than another.
    """

    users: int = 48
    items: int = 20
    days: int = 8

    def events(self) -> dict[str, Any]:
        """users, items, times and parts for `dataset`."""
        rng = np.random.default_rng(1)
        user = np.repeat(np.arange(1, self.users + 1), self.days)
        day = np.tile(np.arange(self.days), self.users)
        order = [rng.permutation(self.items // 2)[: self.days] for _ in range(self.users)]
        item = 2 * np.concatenate(order) + user % 2
        return {
            "users": user.tolist(),
            "items": item.tolist(),
            "times": (day * DAY + user).tolist(),
            "parts": np.maximum(0, day - self.days + 4).tolist(),
        }

    def dataset(self, folder: Path, protocol: Literal["time", "leave-one-out"] = "time") -> Dataset:
        """Its categories and brands are the colours, 1 and 2."""
        colours = [1 + item % 2 for item in range(self.items)]
        names = [("red", "blue")[item % 2] for item in range(self.items)]
        goods = catalogue(self.items, categories=colours, brands=colours, brand=names)
        return dataset(folder, **self.events(), goods=goods, protocol=protocol)


def checkerboard(folder: Path, protocol: Literal["time", "leave-one-out"] = "time") -> Dataset:
    """The usual one, of 48 users and 20 items in 8 days."""
    return Checkerboard().dataset(folder, protocol)


def history(*rows: Sequence[int], kind: int = PURCHASE, times: Int64s | None = None) -> History:
    """Rows of items, oldest first; by default the events are a minute apart from `START`."""
    ragged = Ragged.of(rows)
    places = np.arange(len(ragged.values)) - ragged.offsets[ragged.rows]
    return History(
        ragged.offsets,
        ragged.values,
        np.full(len(places), kind, np.int8),
        times if times is not None else START + places * 60_000_000,
    )


def queries(*rows: Sequence[int], users: Sequence[int] | None = None) -> Queries:
    """Questions of visitors with these items in their past, a year after `START`."""
    codes = np.array(users if users is not None else [0] * len(rows), np.int32)
    return Queries.of(codes, np.full(len(rows), START + 365 * DAY, np.int64), history(*rows))


def ranking(*rows: Sequence[int], scores: Sequence[Sequence[float]] | None = None) -> Ranking:
    """Lists of items, best first, with falling scores where none are given."""
    ragged = Ragged.of(rows)
    falling = -(np.arange(len(ragged.values)) - ragged.offsets[ragged.rows]).astype(np.float32)
    given = [score for row in scores for score in row] if scores is not None else falling
    return Ranking(ragged.rows, ragged.values, np.array(given, np.float32))


def lengths_of(ranking: Ranking, queries: int) -> Int64s:
    """How long the list of each query is."""
    return np.diff(offsets_of(np.bincount(ranking.query, minlength=queries)))
