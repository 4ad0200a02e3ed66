"""For each check of the data, a shop that has just what it looks for."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.tables.raw_shop import DAY, START, event, goods, lively

HOUR, SECOND = 1 / 24, 1 / 86_400

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Sick:
    """A shop, and what the check must say of it.

    lots: one list of events for each imported file.
    """

    lots: list[Rows]
    detail: str
    repair: str
    status: str = "warn"
    items: Rows = field(default_factory=goods)
    users: Rows = field(default_factory=list)
    shown: Rows = field(default_factory=list)


def bots() -> Sick:
    beat = [
        event("robot", f"item-{n % 12:02}", n * 10 * SECOND, event_type="view") for n in range(99)
    ]
    watch = [event("watch", "item-01", n * n * SECOND, event_type="view") for n in range(120)]
    return Sick([lively() + beat + watch], "behave like programs: 2,", "bot_events_per_day = 98")


def duplicates() -> Sick:
    first = browsing()
    again = [
        {**row, "timestamp": row["timestamp"] + 7 * DAY, "event_id": f"again-{n}"}
        for n, row in enumerate(first[:900])
    ]
    return Sick([first, again], "on another day at the same second", "rm tables/events/000002")


def times() -> Sick:
    late = [event(f"late-{n}", "item-01", 40_000, event_type="view") for n in range(50)]
    return Sick([lively() + late], "50 events are in the future", "timestamp = ")


def time_zones() -> Sick:
    chance, rows = random.Random(1), []  # noqa: S311
    for n in range(300):
        at = n / 3 + chance.gauss(0.55, 0.08)
        rows.append(event(f"u{n}", f"item-{n % 12:02}", at, event_type="view"))
        rows.append(event(f"u{n}", f"item-{n % 12:02}", at + 8 * HOUR + chance.random() / 1000))
    return Sick([rows], "Purchases come 8 hours after", 'zone = "')


def catalogue() -> Sick:
    items = [{**one, "item_id": f"00{one['item_id'][-2:]}"} for one in goods()]
    rows = [{**row, "item_id": f"SKU-{int(row['item_id'][-2:])}"} for row in lively()]
    return Sick(
        [rows], "100 % of these are, but for", 'match_ids = ["prefix", "zeros"]', "fail", items
    )


def sessions() -> Sick:
    till = [event("till", f"item-{n % 12:02}", n * 0.29 * HOUR) for n in range(900)]
    return Sick([lively() + till], "Visits of more than 12 hours without a pause", '["till"]')


def impressions() -> Sick:
    rows = [
        event(f"u{n}", "item-01", n / 9, event_type="click", recommendation_id=f"r{n}")
        for n in range(200)
    ]
    return Sick([lively() + rows], "200 events follow a recommendation", "--kind impressions")


def positions() -> Sick:
    shown, rows = [], []
    for n in range(400):
        for place in range(6):
            one = {
                "recommendation_id": f"r{n}",
                "item_id": f"item-{place:02}",
                "position": place + 1,
            }
            shown.append({**one, "timestamp": START + n * 60_000_000})
        if n % 2 == 0:
            place = 0 if n % 10 else n // 10 % 6
            item = f"item-{place:02}"
            more = {"event_type": "click", "recommendation_id": f"r{n}"}
            rows.append(event(f"u{n}", item, n / 1440 + SECOND, **more))
    return Sick([rows], "times as often as one in the middle", "[rules.explore]", shown=shown)


def prices() -> Sick:
    rows = [event(f"u{n}", f"item-{n % 12:02}", n / 9, price=9.5) for n in range(300)]
    slips = [event(f"u{n}", f"item-{n % 12:02}", n / 9, price=9500.0) for n in range(20)]
    return Sick([rows + slips], "far from what the item mostly costs", "price = ")


def currencies() -> Sick:
    rows = [event(f"u{n}", "item-01", n / 9, price=9.5, currency="EUR") for n in range(90)]
    yen = [event(f"v{n}", "item-01", n / 9, price=1500.0, currency="JPY") for n in range(10)]
    return Sick([rows + yen], "10 % of the prices are not in EUR, but in JPY", "EUR alone")


def leakage() -> Sick:
    """Items with the same past; what they sell later is by chance, and `total_sold` has it."""
    chance, rows, items = random.Random(1), [], []  # noqa: S311
    for item in range(150):
        id_, later = f"i{item:03}", chance.randrange(12)
        rows += [event(f"u{n}", id_, n * 5 + item / 500) for n in range(3)]
        rows += [event(f"v{n}", id_, 90 + n / 2 + item / 500) for n in range(later)]
        said = f'{{"total_sold": {3 + later}, "weight": {chance.randrange(900)}}}'
        items.append({"item_id": id_, "title": f"Item {item}", "attributes": said})
    return Sick([rows], "written down at the end: total_sold", 'drop = ["total_sold"]', items=items)


def drift() -> Sick:
    rows = [
        row
        for row in lively()
        if row["event_type"] == "view" or row["timestamp"] < START + 60 * DAY
    ]
    return Sick([rows], "and then none of the events were purchase", "still sends purchase")


def gaps() -> Sick:
    rows = [
        event(f"u{n}", f"item-{n % 12:02}", day + n / 200)
        for day in range(60)
        for n in range(60)
        if day not in (30, 31, 32)
    ]
    return Sick([rows], "On 3 of 60 days hardly anything arrived", "# that has 2020-10-")


def concentration() -> Sick:
    rows = [event(f"u{n}", f"i{n}", n / 9) for n in range(200)]
    gift = [event(f"v{n}", "gift-card", n / 9) for n in range(90)]
    return Sick([rows + gift], "one of them alone has 31 %", 'items = ["gift-card"]')


def cold_items() -> Sick:
    rows = [event(f"u{n % 40}", f"day-{n // 10}", n / 10) for n in range(600)]
    return Sick([rows], "was on items never seen before", "endcap import CATALOGUE", items=[])


def encoding() -> Sick:
    broken = [
        {**one, "title": text}
        for one, text in zip(
            goods(),
            ("CafÃ© crÃ¨me", "Wei\ufffd", "Fish &amp;amp; chips", "ÖÐ¹úÖÆÔì", "红色连衣裙")
            + ("Café",) * 7,
            strict=True,
        )
    ]
    return Sick([lively()], "1 × UTF-8 read as Western", "Save the file as UTF-8", items=broken)


def browsing() -> Rows:
    """Visits at all seconds of a day, as people make them."""
    chance = random.Random(2)  # noqa: S311
    return [
        event(
            f"u{n % 90}", f"item-{chance.randrange(12):02}", chance.random() * 60, event_type="view"
        )
        for n in range(3_000)
    ]


SICK: dict[str, Callable[[], Sick]] = {
    one.__name__: one
    for one in (
        *(bots, duplicates, times, time_zones, catalogue, sessions, impressions, positions),
        *(prices, currencies, leakage, drift, gaps, concentration, cold_items, encoding),
    )
}
