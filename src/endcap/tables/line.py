"""The line of steps from imported tables to prepared ones, in the order of time."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from ibis import _
from ibis.expr.types import Table

from endcap.config import Config, Shop
from endcap.tables import cleaning, items, sessions, split
from endcap.tables.dataset import Dataset, Meaning
from endcap.tables.features import item_features
from endcap.tables.imported import imported, newest
from endcap.tables.parts import Part
from endcap.tables.schema import EVENT_TYPES, kind
from endcap.tables.steps import Steps
from endcap.tables.visitors import Normaliser, visitor_features
from endcap.types import Report


def line(shop: Shop, draft: Path, fingerprint: str, report: Report) -> None:
    """Fill `draft` with the prepared tables."""
    config = shop.config
    steps = Steps.duckdb(draft / "steps")
    final = Steps(steps.engine, draft)
    listed = newest(imported(steps.engine, shop.tables, "items"), "items")
    known = newest(imported(steps.engine, shop.tables, "users"), "users")
    report("Cleaning events", 0.0)
    log = judged(steps, shop, listed)
    kept = log.filter(_.reason.isnull())
    report("Coding items and users", 0.4)
    catalogue = final.write("items", items.items(listed, kept.select("item_id").distinct()))
    people = final.write("users", items.users(known, kept.select(user_id="visitor").distinct()))
    report("Parting sessions and time", 0.5)
    events = final.write("events", parted(steps, coded(steps, kept, catalogue, people), config))
    targets = aims(events, config)
    report("Extracting features of items", 0.7)
    write_features(final, events, catalogue, targets)
    meaning = Meaning(
        config.split.protocol, targets, config.events.history, config.split.max_queries, fingerprint
    )
    (draft / "meaning.json").write_text(json.dumps(asdict(meaning)))
    report("Extracting features of visitors", 0.9)
    write_visitors(draft)
    (draft / "report.json").write_text(json.dumps({"events": events.count().to_pyarrow().as_py()}))
    report("Done", 1.0)


def judged(steps: Steps, shop: Shop, listed: Table) -> Table:
    clean = shop.config.clean
    log = imported(steps.engine, shop.tables, "events")
    rows = steps.write("read", cleaning.read(log, clean, shop.config.events.use, _now()))
    rows = steps.write("unique", cleaning.repeats(rows.drop("row")))
    rows = cleaning.visitors(rows.drop("row"), clean.bot_events_per_day)
    if clean.unknown_items == "drop":
        rows = cleaning.unlisted(rows, listed)
    return steps.write("judged", rows)


def coded(steps: Steps, kept: Table, catalogue: Table, people: Table) -> Table:
    codes = catalogue.select("item_id", item=_.row.cast("int32"))
    users = people.select(visitor=_.user_id, user=(_.row + 1).cast("int32"))
    joined = kept.join(users, "visitor").join(codes, "item_id")
    return steps.write(
        "coded", joined.select("user", "item", "kind", "time", "price", "value", "place")
    ).drop("row")


def parted(steps: Steps, events: Table, config: Config) -> Table:
    rows = sessions.sessions(events, config.clean.session_gap_minutes)
    if config.split.protocol == "time":
        first, last = span(events)
        rows = split.in_time(rows, split.Windows.of(first, last, config.split))
    else:
        rows = split.leave_one_out(rows, config.split.holdout)
    return rows.order_by("user", "time", "place").drop("place")


def span(events: Table) -> tuple[int, int]:
    row = events.aggregate(first=_.time.min(), last=_.time.max()).to_pyarrow().to_pylist()[0]
    return row["first"], row["last"]


def aims(events: Table, config: Config) -> tuple[int, ...]:
    found = set(events.select("kind").distinct().to_pyarrow()["kind"].to_pylist())
    wanted = {kind(name) for name in config.events.targets if name in EVENT_TYPES}
    return tuple(sorted(found & wanted or found))


def write_features(final: Steps, events: Table, catalogue: Table, targets: tuple[int, ...]) -> None:
    for part in (Part.RANKER, Part.VALIDATION, Part.TEST, Part.LIVE):
        past = events.filter(_.part < int(part))
        newest_ = past.time.max().to_pyarrow().as_py() or 0
        final.write(f"features/items-{int(part)}", item_features(past, catalogue, targets, newest_))


def write_visitors(draft: Path, batch: int = 50_000) -> None:
    dataset = Dataset.load(draft)
    names: tuple[str, ...] = ()
    rows = []
    for start in range(1, len(dataset.users), batch):
        codes = np.arange(start, min(start + batch, len(dataset.users)), dtype=np.int32)
        names, values = visitor_features(dataset.now(codes), dataset.catalogue)
        rows.append(values)
    raw = np.concatenate(rows)
    table = Normaliser.fit(names, raw)(raw)
    pq.write_table(
        pa.table(dict(zip(names, table.T, strict=True))), draft / "features" / "visitors.parquet"
    )


def _now() -> int:
    return time.time_ns() // 1000
