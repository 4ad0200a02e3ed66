"""Lists for many users at once, by the release that is live or another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from endcap.config import Shop
from endcap.errors import DataError
from endcap.experiment.why import Why, why
from endcap.recommender import Recommender
from endcap.store.releases import Releases
from endcap.tables.dataset import Dataset
from endcap.tables.prepare import prepared
from endcap.types import Int32s, Log, Queries, Ranking, Report, distinct, recoded, silent

BATCH = 2_048

Unknown: TypeAlias = Callable[[list[str]], None]


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
    unknown: Unknown = lambda ids: None,
    report: Report = silent,
) -> pa.Table:
    """user_id, rank, item_id, score, title: for the given users, or for all of the log.

    unknown: is told which of the given users the log does not know, if there are any.
    """
    recommender, visitors = _opened(shop, release)
    ids = _all(visitors.dataset) if user_ids is None else user_ids
    codes, parts = visitors.codes(ids, unknown), []
    for start in range(0, len(codes), BATCH):
        rows = np.arange(start, min(start + BATCH, len(codes)))
        found = recommender.answer(visitors.now(codes[rows]), n, include_seen=include_seen)
        parts.append((rows, found.ranking))
        report("recommend", (rows[-1] + 1) / len(codes))
    ranking = Ranking.concat(parts)
    users = np.array(ids, dtype=object)[ranking.query]
    return _table(ranking, recommender).add_column(0, "user_id", pa.array(users, pa.string()))


def _all(dataset: Dataset) -> list[str]:
    """All users of whom there is an event: of who was forgotten, a row without a name is left."""
    codes = distinct(dataset.user)
    return [dataset.users[code] for code in codes[codes > 0]]


def similar(shop: Shop, item_id: str, n: int, release: str | None = None) -> pa.Table:
    """rank, item_id, score, title of items that go with one. Raises DataError."""
    recommender, visitors = _opened(shop, release)
    item = np.array([_code(recommender, item_id)], np.int32)
    found = recommender.similar(item, n, visitors.dataset.end, log=visitors.log)
    return _table(found, recommender)


def explain(
    shop: Shop,
    user_id: str,
    item_id: str,
    n: int,
    placement: str,
    release: str | None = None,
    *,
    unknown: Unknown = lambda ids: None,
) -> Why:
    """Why an item is, or is not, recommended to a user now. Raises DataError.

    unknown: is told of the user, where the log does not know them.
    """
    recommender, visitors = _opened(shop, release)
    queries = visitors.now(visitors.codes([user_id], unknown))
    return why(recommender, queries, _code(recommender, item_id), n, placement)


@dataclass(frozen=True)
class _Visitors:
    """Visitors as the tables prepared now know them, to be asked of by a release: what was
    imported since it was fitted may have given the items other codes.

    items: [items] the release's code of each, −1 for none. log: by those codes.
    """

    dataset: Dataset
    items: Int32s
    log: Log

    def codes(self, ids: Sequence[str], unknown: Unknown) -> Int32s:
        """[ids] the codes of users. unknown: is told whom the log does not know, if anybody."""
        codes = self.dataset.user_codes(ids)
        if not codes.all():
            unknown([id_ for id_, code in zip(ids, codes, strict=True) if not code])
        return codes

    def now(self, users: Int32s) -> Queries:
        queries = self.dataset.now(users)
        return replace(queries, history=queries.history.recode(self.items), log=self.log)


def _opened(shop: Shop, release: str | None) -> tuple[Recommender, _Visitors]:
    recommender, dataset = system(shop, release), Dataset.load(prepared(shop))
    items = dataset.catalogue.codes_in(recommender.catalogue)
    return recommender, _Visitors(dataset, items, recoded(dataset.log, items))


def _code(recommender: Recommender, item_id: str) -> int:
    code = recommender.catalogue.code(item_id)
    if code is None:
        raise DataError(f"There is no item {item_id!r} in the catalogue")
    return code


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
