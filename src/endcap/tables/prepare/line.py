"""The line of steps from imported tables to prepared ones, in the order of time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from ibis import _
from ibis.expr.types import Table

from endcap.config import Clean, Config, Shop
from endcap.errors import DataError, StateError
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Meaning, catalogue_before
from endcap.tables.engines import Engine
from endcap.tables.imported import imported, newest
from endcap.tables.knowledge import Knowledge
from endcap.tables.parts import Part
from endcap.tables.prepare import cleaning
from endcap.tables.prepare.checks import checks
from endcap.tables.prepare.item_features import facts, item_features, newest_before, normalised
from endcap.tables.prepare.items import items, seen, users
from endcap.tables.prepare.merging import merged
from endcap.tables.prepare.met import Met
from endcap.tables.prepare.parting import rule, write_parted
from endcap.tables.prepare.repeated import write_repeated
from endcap.tables.prepare.report import Tables, came, feature_figures, figures
from endcap.tables.prepare.split import HELD
from endcap.tables.prepare.visitor_features import describe_visitors
from endcap.tables.rows import one_of
from endcap.tables.schema import EVENT_TYPES, TRIPLES, kind
from endcap.tables.steps import Steps
from endcap.types import Report


def line(shop: Shop, engine: Engine, draft: Path, fingerprint: str, report: Report) -> None:
    """Fill `draft` with the prepared tables. Raises DataError where no event is left."""
    began, config, steps = time.monotonic(), shop.config, Steps(engine, draft)
    tables, shrunk = _tables(steps, shop, report)
    report("Describing items", 0.5)
    newest = newest_before(tables.events, map(int, list(Part)[1:]))
    known = facts(tables.events, tables.met, newest, tables.targets)
    known = steps.write("steps/facts", known).drop("row")
    _describe_items(steps, tables, known, newest, [Part.LIVE])

    def rest() -> dict[str, Any]:
        _describe_items(steps, tables, known, newest, HELD)
        return figures(tables, known) | _features(draft, "item", f"items-{int(Part.LIVE)}")

    report("Describing visitors", 0.6)
    found: dict[str, Any] = {"name": config.name, "fingerprint": fingerprint}
    found |= {"protocol": config.split.protocol, "shrunk": shrunk}
    catalogue = catalogue_before(draft, Part.LIVE)
    with ThreadPoolExecutor(2) as beside:  # what the engine still has to do: visitors need none
        done, knowledge = beside.submit(rest), beside.submit(_knowledge, catalogue)
        meaning = _meaning(config, tables.targets, fingerprint)
        _write_json(draft / "meaning.json", asdict(meaning))
        describe_visitors(draft, meaning, catalogue, newest[Part.LIVE] + 1)
        report("Looking at the data", 0.85)
        found |= _features(draft, "visitor", "visitors")
        found |= {**done.result(), "knowledge": knowledge.result()}
    found["checks"] = checks(found, config)
    _write_json(draft / "report.json", found | {"seconds": round(time.monotonic() - began, 1)})
    report("Prepared", 1.0)


def _tables(steps: Steps, shop: Shop, report: Report) -> tuple[Tables, float]:
    """All tables but the features, and how much the parts had to shrink."""
    config = shop.config
    report("Cleaning events", 0.0)
    listed = steps.write(
        "steps/items", newest(imported(steps.engine, shop.tables, "items"), "items")
    ).drop("row")
    log = _log(steps.engine, shop, listed)
    known = listed.select(what=steps.engine.hash(listed.item_id))
    read, faults = _judged(steps, config.clean, log, known)
    counts = came(read, faults)
    _refuse_nothing(counts)
    kept = cleaning.without(read, faults, steps.engine)
    report("Numbering items and visitors", 0.3)
    who, what = (kept.select(key).distinct() for key in ("who", "what"))
    goods = seen(log, "item_id", what.anti_join(known, "what"), steps.engine)
    catalogue = steps.write("items", items(listed, goods))
    told = newest(imported(steps.engine, shop.tables, "users"), "users")
    visitors = seen(log, "visitor", who, steps.engine).rename(user_id="visitor")
    people = steps.write("users", users(told, visitors))
    facts = imported(steps.engine, shop.tables, "triples")
    steps.write("triples", facts.select(TRIPLES.names).distinct().order_by(TRIPLES.names))
    report("Finding sessions and parts", 0.4)
    coded = cleaning.coded(kept, catalogue, people, steps.engine)
    events, met, shrunk = _parted(steps, coded, config)
    targets = _targets(events, config)
    return Tables(counts, listed, catalogue, people, events, met, targets), shrunk


def _log(engine: Engine, shop: Shop, listed: Table) -> Table:
    """Every row of the log with the reason to go that it shows by itself."""
    clean, log = shop.config.clean, imported(engine, shop.tables, "events")
    log = merged(engine, log, shop.tables)
    read = cleaning.read(log, clean, shop.config.events.use, time.time_ns() // 1000)
    return cleaning.matched(read, listed, clean.match_ids) if clean.match_ids else read


def _judged(steps: Steps, clean: Clean, log: Table, known: Table) -> tuple[Table, Table]:
    """The log by keys, and by `place` the faults that only show beside other rows: few, so that
    what is wrong with them is kept apart. known: `what` of the items that are listed."""
    read = steps.write("steps/read", cleaning.keyed(log, steps.engine)).drop("row")
    most = {"id": 1, "content": 1, "visit": clean.bot_events_per_day}
    with ThreadPoolExecutor(2) as beside:
        paths = list(beside.map(partial(_repeated, steps), most, most.values()))
    good, keys = read.filter(_.reason.isnull()), map(steps.engine.step, paths)
    suspects = steps.write("steps/suspects", cleaning.suspects(good, *keys)).drop("row")
    repeats = steps.write("steps/repeats", cleaning.repeats(suspects)).drop("row")
    faults = repeats.union(cleaning.bots(good, suspects, repeats, clean))
    if clean.unknown_items == "drop":
        rest = cleaning.without(read, faults, steps.engine)
        faults = faults.union(cleaning.unlisted(rest, known))
    return read, steps.write("steps/faults", faults).drop("row")


def _repeated(steps: Steps, key: str, most: int) -> Path:
    """The keys of what was read that more than so many rows have."""
    write = partial(write_repeated, steps.path("steps/read"), column=key, most=most)
    return steps.fill(f"steps/repeated-{key}", write)


def _refuse_nothing(counts: dict[str, Any]) -> None:
    lost = counts["dropped"]
    if counts["read"] > sum(lost.values()):
        return
    if not lost:
        raise StateError("The imported events have no rows", mend="Run `endcap import FILE` first")
    why = "; ".join(
        f"{rows:,} {reason} ({cleaning.REASONS[reason]})" for reason, rows in lost.items()
    )
    types = ", ".join(f"{name} {rows:,}" for name, rows in counts["unused_types"].items())
    raise DataError(
        f"Of {counts['read']:,} imported events none is left: {why}"
        + (f". Types not in use: {types}" if types else ""),
        expected="events of a type in [events] use, each with a visitor, an item and a time",
        mend="Import such events, or change [clean] or [events] in endcap.toml",
    )


def _parted(steps: Steps, events: Table, config: Config) -> tuple[Table, Table, float]:
    """The events in their final order with session and part, how many visitors met each item, and
    how much the parts shrank."""
    name = "steps/ordered"
    ordered = steps.write(name, events.order_by("user", "time", "place").drop("place"))
    span = one_of(ordered.agg(oldest=_.time.min(), newest=_.time.max()))
    parts, shrunk = rule(config.split, (span["oldest"], span["newest"]))

    met, gap = Met(), config.clean.session_gap_minutes

    def write(path: Path) -> None:
        write_parted(steps.path(name), path, parts, gap, met)
        steps.fill("steps/met", met.write)

    events = steps.make("events", write)
    return events, steps.engine.step(steps.path("steps/met")).drop("row"), shrunk


def _targets(events: Table, config: Config) -> tuple[int, ...]:
    """The kinds to predict: those that are wanted, or all where the log has none of them."""
    found = set(events.select("kind").distinct().to_pyarrow()["kind"].to_pylist())
    wanted = {kind(name) for name in config.events.targets if name in EVENT_TYPES}
    return tuple(sorted(found & wanted or found))


def _meaning(config: Config, targets: tuple[int, ...], fingerprint: str) -> Meaning:
    split, history = config.split, config.events.history
    return Meaning(split.protocol, targets, history, split.max_queries, fingerprint)


def _describe_items(
    steps: Steps, tables: Tables, known: Table, newest: Mapping[int, int], parts: Iterable[Part]
) -> None:
    """As known before some parts."""
    for part in map(int, parts):
        features = item_features(known, tables.items, part, newest[part])
        raw = steps.write(f"steps/features-{part}", features)
        steps.write(f"features/items-{part}", normalised(raw))


def _features(draft: Path, whose: str, file: str) -> dict[str, Any]:
    return {f"{whose}_features": feature_figures(draft / "features" / f"{file}.parquet")}


def _knowledge(catalogue: Catalogue) -> dict[str, int]:
    found = Knowledge.of(catalogue)
    return {"facts": len(found), "things": len(found.names), **found.faults}


def _write_json(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, ensure_ascii=False, indent=1), encoding="utf-8")
