"""Nothing goes live that is not better than what is there, unless a person insists."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from endcap.config import Shop
from endcap.errors import DataError, ReleaseError
from endcap.experiment.evaluate import DECIDES, Measured, evaluate
from endcap.experiment.intervals import Difference, paired
from endcap.recommender import Recommender
from endcap.store.releases import Releases
from endcap.tables.dataset import Dataset
from endcap.tables.prepare import prepared
from endcap.types import Report, silent


def evaluate_release(
    shop: Shop,
    release: str | None,
    *,
    cutoffs: tuple[int, ...] | None = None,
    include_seen: bool = False,
    lists: bool = False,
    report: Report = silent,
) -> Measured:
    """Judge a release on the test part by the system that has not learned from it.

    What `fit` measured is read, not measured again, unless other cutoffs, what was seen, or the
    lists themselves are asked for. Raises DataError where the tables are no longer those that
    the release was fitted on: it may have learned from what is the test part now.
    """
    releases = Releases(shop.releases)
    path, manifest = releases.path(release), releases.manifest(release)
    if cutoffs is None and not include_seen and not lists:
        return _named(path.name, Measured.load(path))
    dataset = Dataset.load(prepared(shop))
    if manifest["data"] != dataset.meaning.fingerprint:
        raise DataError(
            f"Release {path.name} was fitted on other tables than the ones prepared now",
            mend="Run `endcap fit` to have a release of these tables",
        )
    system = Recommender.load(path / "measured")
    found = evaluate(
        system, dataset, dataset.judging, cutoffs=cutoffs, include_seen=include_seen, report=report
    )
    return _named(path.name, found)


def _named(release: str, found: Measured) -> Measured:
    return replace(found, report={"release": release, **found.report})


def compare(shop: Shop, a: str, b: str) -> dict[str, Any]:
    """Paired differences A − B of every metric, over the questions that both were asked."""
    tasks = by_task(_questions(shop, a), _questions(shop, b))
    if not tasks:
        raise DataError(f"Releases {a} and {b} were not asked the same questions")
    first = next(iter(tasks.values()))
    return {"a": a, "b": b, "queries": first[DECIDES]["queries"], "metrics": first, "tasks": tasks}


def by_task(a: pa.Table, b: pa.Table) -> dict[str, dict[str, Any]]:
    """Paired differences of every metric that two tables of questions have, by task."""
    # A join of many rows gives them in the order in which its threads are done, and of tasks the
    # first decides.
    a = a.append_column("place", pa.array(np.arange(len(a))))
    both = a.join(b, ["task", "user_id", "time"], join_type="inner", right_suffix=" of b")
    both = both.sort_by("place")
    names = [name for name in both.column_names if f"{name} of b" in both.column_names]
    return {
        task: {name: _difference(both, task, name).as_dict() for name in names}
        for task in both["task"].unique().to_pylist()
    }


def promote(shop: Shop, release: str, *, force: bool = False) -> None:
    """Make a release live. Raises ReleaseError where it is not better, unless forced."""
    why_not = None if force else objection(shop, release)
    if why_not is not None:
        raise ReleaseError(
            f"Release {release} stays where it is: {why_not}", mend="Add --force to insist"
        )
    Releases(shop.releases).promote(release)


def promote_if_better(shop: Shop, release: str) -> dict[str, Any]:
    """Make a new release live if nothing speaks against it; says what was decided, and why."""
    releases = Releases(shop.releases)
    if releases.live() == release:
        return {"live": True, "why": "it is live already"}
    why_not = objection(shop, release)
    if why_not is None:
        releases.promote(release)
    return {"live": why_not is None, "why": why_not or "it beats the baselines and what was live"}


def objection(shop: Shop, release: str) -> str | None:
    """Why a release should not go live; None where nothing speaks against it."""
    releases = Releases(shop.releases)
    if not _questions(shop, release).num_rows:
        return "it was never measured"
    worse = _worse_than_baselines(shop, release)
    live = releases.live()
    if worse is None and live is not None and live in releases.names() and live != release:
        return _worse_than_live(shop, release, live)
    return worse


def _worse_than_baselines(shop: Shop, release: str) -> str | None:
    report = Measured.load(Releases(shop.releases).path(release)).report
    first = next(iter(report["tasks"].values()))
    for name, gap in first["differences"].items():
        if gap["high"] is not None and gap["high"] < 0:
            return f"its {DECIDES} is {-gap['value']:.4f} below that of {name}"
    return None


def _worse_than_live(shop: Shop, release: str, live: str) -> str | None:
    try:
        gap = compare(shop, release, live)["metrics"][DECIDES]
    except (DataError, ReleaseError):
        return None  # The live release was measured on older tables, or is damaged.
    if gap["high"] is not None and gap["high"] < 0:
        return f"its {DECIDES} is {-gap['value']:.4f} below that of the live {live}"
    return None


def _questions(shop: Shop, release: str) -> pa.Table:
    return Measured.load(Releases(shop.releases).path(release)).questions


def _difference(both: pa.Table, task: str, name: str) -> Difference:
    rows = both.filter(pc.equal(both["task"], task))
    a, b = (np.asarray(rows[column].to_numpy()) for column in (name, f"{name} of b"))
    return paired(a, b, 1_000, seed=1)
