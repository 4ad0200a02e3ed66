"""What the checks of the data look at: the tables as they were imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from pathlib import Path
from typing import Any

import ibis
from ibis import _
from ibis.expr.types import Table

from endcap.config import Config, Shop
from endcap.doctor.finding import EXAMPLES, Bars
from endcap.store.clock import now
from endcap.tables.duck import moment_of
from endcap.tables.engines import open_engine
from endcap.tables.imported import ROWS, files, imported, newest
from endcap.tables.prepare.sessions import visits
from endcap.tables.rows import count_of, counts_of, one_of, rows_of
from endcap.tables.steps import Steps
from endcap.types import DAY

ACTS = ("click", "view", "add_to_cart", "purchase")
"""What may follow from seeing an item."""

ISO = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True)
class Log:
    """The tables of a shop, read once.

    events: those with a visitor and a time, with `visitor`, `time`, `act` (64 bits of who did what
        to which item at what price), `pause` (µs since the visitor's event before, null for the
        first), `visit` (its number among the visitor's) and `file` (the import that it came with).
    lost: how many events have no visitor, and how many no time.
    items, users, impressions: as imported, of items and users the newest row of each.
    files: the names of the imported files of events, by `file`.
    now: UTC microseconds.
    """

    events: Table
    items: Table
    users: Table
    impressions: Table
    lost: Mapping[str, int]
    files: tuple[str, ...]
    config: Config
    now: int

    @classmethod
    def of(cls, shop: Shop, folder: Path) -> Log:
        """folder: for what is worked out once and read by many checks."""
        steps = Steps(open_engine("duckdb", folder, shop.config), folder)
        tables = {
            name: imported(steps.engine, shop.tables, name)
            for name in ("events", "items", "users", "impressions")
        }
        rows = _named(tables["events"])
        nobody, never = rows.visitor.isnull(), rows.time.isnull()
        lost = one_of(rows.agg(rows=_.count(), visitor=nobody.sum(), time=(~nobody & never).sum()))
        gap = shop.config.clean.session_gap_minutes
        known = visits(rows.filter(~nobody & ~never), gap, "visitor")
        return cls(
            events=steps.write("events", known).drop("row"),
            items=steps.write("items", newest(tables["items"], "items")).drop("row"),
            users=steps.write("users", newest(tables["users"], "users")).drop("row"),
            impressions=steps.write("impressions", tables["impressions"]).drop("row"),
            lost={name: int(count or 0) for name, count in lost.items()},
            files=tuple(path.name for path in files(shop.tables, "events")),
            config=shop.config,
            now=now(),
        )

    @cached_property
    def total(self) -> int:
        """How many events have a visitor and a time."""
        return count_of(self.events)

    @cached_property
    def span(self) -> tuple[int, int]:
        """The first and the last moment that are possible, UTC microseconds; 0 where none is."""
        possible = self.events.filter(_.time <= self.now + DAY, _.time > 0)
        found = one_of(possible.agg(first=_.time.min(), last=_.time.max()))
        return int(found["first"] or 0), int(found["last"] or 0)

    @cached_property
    def days(self) -> float:
        first, last = self.span
        return (last - first) / DAY

    @cached_property
    def listed(self) -> int:
        """How many items the catalogue has."""
        return count_of(self.items)

    @cached_property
    def wanted(self) -> Table:
        """Items with their events, the most first."""
        named = self.events.filter(_.item_id.notnull()).group_by("item_id")
        return named.agg(events=_.count()).order_by(_.events.desc(), "item_id")

    @property
    def answered(self) -> Table:
        """What was done with an answer of the service, impressions aside."""
        followed = _.recommendation_id.notnull() & _.event_type.isin(ACTS)
        return self.events.filter(followed)

    @cached_property
    def seconds(self) -> int:
        """About how many different seconds of the day there are."""
        return count_of(self.events, (_.time // 1_000_000 % 86_400).approx_nunique())

    @property
    def clocked(self) -> bool:
        """Whether times say the time of the day, rather than the day alone."""
        return self.seconds > 100

    def share(self, rows: int) -> float:
        """Of all events."""
        return rows / self.total if self.total else 0.0

    def examples(self, rows: Table, *columns: str) -> list[dict[str, Any]]:
        """Some rows for people, their `time` written out."""
        some = rows.select(*columns).limit(EXAMPLES)
        if "time" in columns:
            some = some.mutate(time=moment_of(some.time).strftime(ISO))
        return rows_of(some)

    def kinds(self) -> dict[str, int]:
        """The event types with their events, the most frequent first."""
        return counts_of(self.events, "event_type")


def _named(events: Table) -> Table:
    """The columns that checks look at; who someone is as `endcap prepare` has it."""
    ids = ("user_id", "anonymous_id", "session_id")
    rows = events.select(
        *("item_id", "event_type", "session_id", "value", "quantity", "price", "currency"),
        *("position", "recommendation_id", "query", "place"),
        visitor=ibis.coalesce(*(_[name].nullif("") for name in ids)),
        time=_.timestamp,
        file=(_.place // ROWS).cast("int32"),
    )
    said = (_.item_id, _.event_type, _.price.cast("string"), _.quantity.cast("string"))
    act = reduce(lambda text, part: text + "\n" + part.fill_null(""), said, _.visitor)
    return rows.mutate(act=act.hash(), item_id=_.item_id.nullif(""))


def spread(
    title: str, column: ibis.Value, edges: Sequence[float], marked: Sequence[int] = ()
) -> Bars:
    """How many values there are from each edge to the next; the last takes all above."""
    values = column.as_table().rename(value=column.get_name())
    pairs = zip(edges, (*edges[1:], float("inf")), strict=True)
    sums = {f"{low:,}+": ((_.value >= low) & (_.value < high)).sum() for low, high in pairs}
    counts = one_of(values.agg(**sums))
    return Bars(title, [*counts], [int(count or 0) for count in counts.values()], marked)
