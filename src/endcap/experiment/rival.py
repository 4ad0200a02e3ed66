"""How the live release does beside a new one, over questions that are fair to both."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa

from endcap.config import Shop
from endcap.errors import DataError
from endcap.experiment.evaluate import DECIDES, Measured, questions
from endcap.experiment.gate import by_task, compare
from endcap.experiment.judge import BEYOND, measure
from endcap.recommender import Recommender
from endcap.store.releases import Releases
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.prepare import prepared
from endcap.types import Ranking

CUTOFF = int(DECIDES.partition("@")[2])


def gain(shop: Shop, release: str, live: str) -> dict[str, Any]:
    """How much better a release is than the live one, by the metric that decides.

    Over the questions that both were asked as they were fitted; where there are none, as the
    log has gone on, the live one's measured system is asked the new one's questions now. Raises
    DataError where it has learned from their answers.
    """
    try:
        found: dict[str, Any] = compare(shop, release, live)["metrics"][DECIDES]
    except DataError:
        new = Measured.load(Releases(shop.releases).path(release)).questions
        tasks = by_task(new, _asked_anew(shop, live))
        if not tasks:
            raise
        found = next(iter(tasks.values()))[DECIDES]
    return found


def _asked_anew(shop: Shop, live: str) -> pa.Table:
    """The first task's questions of the tables prepared now, as the live release answers them."""
    releases, dataset = Releases(shop.releases), Dataset.load(prepared(shop))
    begin = dataset.beginning(dataset.judging)
    until = releases.manifest(live).get("learned_until", {}).get("measured", begin + 1)
    if until > begin:
        raise DataError(f"Release {live} has learned from what is to be asked about now")
    system = Recommender.load(releases.path(live) / "measured")
    name, task = next(iter(shop.config.evaluate.tasks.items()))
    asked = dataset.asked(dataset.judging, task.moment).scope(task.scope)
    ranking = _answers(system, dataset, asked, task.placement)
    values = measure(ranking, asked, dataset.catalogue, (CUTOFF,))
    return questions(dataset, name, asked, {DECIDES: values[DECIDES]})


def _answers(system: Recommender, dataset: Dataset, asked: Asked, placement: str) -> Ranking:
    """Its lists, in the item codes of the dataset; items that it does not know are not in them."""
    ours = dataset.catalogue.codes_in(system.catalogue)
    theirs = system.catalogue.codes_in(dataset.catalogue)
    parts = []
    for rows, queries in asked.queries.batches(1_024):
        queries = replace(queries, history=queries.history.recode(ours))
        ranking = system.answer(queries, BEYOND * CUTOFF, placement).ranking
        known = ranking.keep(theirs[ranking.item] >= 0)
        parts.append((rows, replace(known, item=theirs[known.item])))
    return Ranking.concat(parts)
