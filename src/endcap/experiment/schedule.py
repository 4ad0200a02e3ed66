"""Fit anew, again and again: what came in goes to the tables, a release is fitted on them, and it
goes live if it is better than the one that is."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from endcap.config import Schedule, Shop, alone
from endcap.errors import DataError, EndcapError
from endcap.experiment.evaluate import DECIDES
from endcap.experiment.fit import fit
from endcap.experiment.gate import objection
from endcap.experiment.rival import gain
from endcap.store.compact import into_tables
from endcap.store.releases import Releases
from endcap.tables.prepare import prepare
from endcap.types import Report, silent

LOG = "schedule.jsonl"
"""In the folder of runs: what each pass came to, one on a line."""


def once(shop: Shop, report: Report = silent) -> dict[str, Any]:
    """One pass; returns what it came to. One that was interrupted is gone on with: each step
    begins where the last attempt at it ended. Raises EndcapError, which is written down as well,
    and StateError where another pass is under way."""
    with alone(shop.runs, "schedule"):
        began, start = datetime.now(UTC), time.monotonic()
        found: dict[str, Any] = {"began": f"{began:%Y-%m-%dT%H:%M:%SZ}"}
        try:
            found |= _steps(shop, report)
        except EndcapError as error:
            found |= {"live": False, "why": str(error)}
            raise
        finally:
            found["seconds"] = round(time.monotonic() - start, 1)
            if "why" in found:
                _write_down(shop.runs / LOG, found)
        return found


def _steps(shop: Shop, report: Report) -> dict[str, Any]:
    taken_in = into_tables(shop)
    prepare(shop, report)
    manifest = _fit(shop, report)
    verdict = promote_if_gained(shop, manifest["release"])
    return {"rows": taken_in, "release": manifest["release"], **verdict}


def _fit(shop: Shop, report: Report) -> dict[str, Any]:
    if shop.config.schedule.go_on:
        try:
            return fit(shop, go_on=True, report=report)
        except EndcapError as error:
            report(f"Fitting from the start: {error}", 0.0)
    return fit(shop, report=report)


def promote_if_gained(shop: Shop, release: str) -> dict[str, Any]:
    """Make a release live if it is better than the one that is; says why, or why not."""
    releases, margin = Releases(shop.releases), shop.config.schedule.margin
    live = releases.live()
    if live == release:
        return {"live": True, "why": "nothing is new: it is live already"}
    if why_not := objection(shop, release):
        return {"live": False, "why": why_not}
    why = "no release was live"
    if live is not None and live in releases.names():
        try:
            gap = gain(shop, release, live)
        except DataError as error:
            return {"live": False, "why": f"it can't be held against the live {live}: {error}"}
        said = f"its {DECIDES} is {gap['value']:+.4f} beside that of the live {live}"
        over = f"over the {gap['queries']:,} questions that both were asked"
        if gap["value"] <= margin:
            return {"live": False, "why": f"{said} {over}; more than {margin:g} is asked for"}
        why = f"{said} {over}"
    releases.promote(release)
    return {"live": True, "why": why}


def due(schedule: Schedule, now: datetime) -> datetime:
    """The moment of the next pass: `at`, and every so many hours from there on, counted from the
    first day of this century so that it is the same however often the program is started.

    >>> due(Schedule(at="03:00", every_hours=8), datetime(2017, 1, 1, 12, 30))
    datetime.datetime(2017, 1, 1, 19, 0)
    """
    hour, minute = map(int, schedule.at.split(":"))
    first, step = datetime(2000, 1, 1, hour, minute), timedelta(hours=schedule.every_hours)
    return first + ((now - first) // step + 1) * step


def _write_down(path: Path, found: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(found, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
