"""Lists for many users at once, by the release that is live or another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from endcap.config import Shop
from endcap.errors import DataError
from endcap.experiment.why import Why, why
from endcap.recommender import Recommender
from endcap.store.releases import Releases
from endcap.tables.dataset import Dataset
from endcap.tables.prepare import prepared
from endcap.types import Int32s, Ranking, Report, recoded, silent

BATCH = 2_048


def system(shop: Shop, release: str | None = None) -> Recommender:
    """What a release serves: the system that learned from everything, where it has one."""
    return Recommender.load(served(Releases(shop.releases).path(release)))


def served(release: Path) -> Path:
    """The folder of a release's system that answers."""
    live = release / "live"
    return live if live.is_dir() else release / "measured"


def recommend(
    shop: Shop,
    user_ids: Sequence[str] | None,
    n: int,
    release: str | None = None,
    *,
    include_seen: bool = False,
    unknown: Callable[[list[str]], None] = lambda ids: None,
    report: Report = silent,
) -> pa.Table:
    """user_id, rank, item_id, score, title: for the given users, or for all of the log.

    unknown: is told which of the given users the log does not know, if there are any.
    """
    recommender, dataset = system(shop, release), Dataset.load(prepared(shop))
    ids = dataset.users[1:] if user_ids is None else user_ids
    # What was imported since the release was fitted may have given the items other codes.
    items = dataset.catalogue.codes_in(recommender.catalogue)
    log, codes, parts = recoded(dataset.log, items), dataset.user_codes(ids), []
    if not codes.all():
        unknown([id_ for id_, code in zip(ids, codes, strict=True) if not code])
    for start in range(0, len(codes), BATCH):
        rows = np.arange(start, min(start + BATCH, len(codes)))
        queries = dataset.now(codes[rows])
        queries = replace(queries, history=queries.history.recode(items), log=log)
        found = recommender.answer(queries, n, include_seen=include_seen)
        parts.append((rows, found.ranking))
        report("recommend", (rows[-1] + 1) / len(codes))
    ranking = Ranking.concat(parts)
    users = np.array(ids, dtype=object)[ranking.query]
    return _table(ranking, recommender).add_column(0, "user_id", pa.array(users, pa.string()))


def similar(shop: Shop, item_id: str, n: int, release: str | None = None) -> pa.Table:
    """rank, item_id, score, title of items that go with one. Raises DataError."""
    recommender, dataset = system(shop, release), Dataset.load(prepared(shop))
    item: Int32s = recommender.catalogue.codes([item_id])
    if not len(item):
        raise DataError(f"There is no item {item_id!r} in the catalogue")
    log = recoded(dataset.log, dataset.catalogue.codes_in(recommender.catalogue))
    return _table(recommender.similar(item, n, dataset.end, log=log), recommender)


def explain(
    shop: Shop, user_id: str, item_id: str, n: int, placement: str, release: str | None = None
) -> Why:
    """Why an item is, or is not, recommended to a user now. Raises DataError."""
    recommender, dataset = system(shop, release), Dataset.load(prepared(shop))
    item = recommender.catalogue.code(item_id)
    if item is None:
        raise DataError(f"There is no item {item_id!r} in the catalogue")
    queries = dataset.now(dataset.user_codes([user_id]))
    items = dataset.catalogue.codes_in(recommender.catalogue)
    log = recoded(dataset.log, items)
    queries = replace(queries, history=queries.history.recode(items), log=log)
    return why(recommender, queries, item, n, placement)


def _table(ranking: Ranking, recommender: Recommender) -> pa.Table:
    named = recommender.catalogue.table.select(["item_id", "title"]).take(ranking.item)
    return pa.table(
        {
            "rank": ranking.places,
            "item_id": named["item_id"],
            "score": ranking.score,
            "title": named["title"],
        }
    )
