"""From a question to an answer, through the object that evaluation judges."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from pydantic_core import to_json

from endcap.answer import Answer
from endcap.serve.current import Current
from endcap.serve.fewer import fewer
from endcap.serve.ids import new_id
from endcap.serve.item_schema import plain
from endcap.serve.loaded import Loaded
from endcap.serve.meters import Meters
from endcap.serve.problems import missing
from endcap.serve.queries import latest, meeting, questions
from endcap.serve.reasons import described
from endcap.serve.request_schemas import Like, Look
from endcap.serve.shadow import Exchange, Shadow
from endcap.serve.traces import traced
from endcap.store.events import Row
from endcap.types import History, Laps, Queries, Ranking

if TYPE_CHECKING:
    from opentelemetry.trace import Span

log = logging.getLogger("endcap.serve")


@dataclass(frozen=True, eq=False)
class Heard:
    """A request, its span where there is one, and the id of its answer."""

    look: Look
    span: Span | None = None
    id: uuid.UUID = field(default_factory=new_id)


Told: TypeAlias = dict[Heard, bytes | Exception]
"""For each request its answer as JSON, or what it gets instead."""


class Sitting(NamedTuple):
    """What all that is answered at once has in common. pasts: what the visitors did; rows: of
    which request each row of it is."""

    current: Current
    meters: Meters
    shadow: Shadow
    here: Loaded
    now: int
    pasts: History
    rows: Mapping[Heard, int]


def recommend(
    current: Current, meters: Meters, shadow: Shadow, requests: Sequence[Heard]
) -> list[bytes | Exception]:
    """For each request its answer as JSON, or what it gets instead. Those that differ only in who
    is asking are answered together."""
    # The moment before the pasts: what comes in between did not count, and will not in a rerun.
    laps, now, here = Laps(), current.clock(), latest(current)
    pasts = here.visitors.histories([one.look.visitor() for one in requests])
    laps.done("history")
    meters.took(laps.seconds, [one.span for one in requests])
    rows = {one: row for row, one in enumerate(requests)}
    sitting = Sitting(current, meters, shadow, here, now, pasts, rows)
    alike: dict[Hashable, list[Heard]] = {}
    markets = here.catalogue.markets
    for one in requests:
        look = one.look
        same = (look.placement, look.n, look.filter, look.market() if markets else None)
        alike.setdefault(same, []).append(one)
    told = Told()
    for group in alike.values():
        told |= _answered(sitting, group)
    return [told[one] for one in requests]


def _answered(sitting: Sitting, group: Sequence[Heard]) -> Told:
    """One that can't be answered takes no other down."""
    try:
        return _answered_together(sitting, group)
    except Exception as error:
        if len(group) == 1:
            return {group[0]: error}
    told = Told()
    for one in group:
        told |= _answered(sitting, [one])
    return told


def _answered_together(sitting: Sitting, group: Sequence[Heard]) -> Told:
    """Raises Failed where alone some might be answered better."""
    laps, look = Laps(), group[0].look
    sitting = sitting._replace(here=sitting.here.seen_by(look))
    queries = _asked(sitting, group)
    laps.done("question")
    answer = sitting.here.recommender.answer(queries, look.n, look.placement)
    if answer.path == "popular" and len(group) > 1:
        raise Failed(f"Retrieval failed for one of {len(group)} questions, or all")
    spans = [one.span for one in group]
    sitting.meters.took({**laps.seconds, **answer.seconds}, spans)
    laps = Laps()
    told = Told()
    names = sitting.here.catalogue.named(answer.ranking.item)
    for row, one in enumerate(group):
        own = answer.ranking.span(row)
        items = _items(sitting.here, names[own], answer.ranking.keep(own), one.look.fields)
        told[one] = _told(sitting, one, queries, answer, row, items)
    sitting.current.live.shown(lambda: _shown(sitting, group, answer, names))
    sitting.current.answers.keep(lambda: _kept(sitting, group, queries, answer))
    laps.done("telling")
    sitting.meters.took(laps.seconds, spans)
    sitting.meters.answers.labels(answer.path).inc(len(group))
    return told


def _asked(sitting: Sitting, group: Sequence[Heard]) -> Queries:
    """Raises Problem 422, which then goes for all of them."""
    pasts = sitting.pasts.take(np.array([sitting.rows[one] for one in group]))
    looks, ids = [one.look for one in group], [one.id for one in group]
    return questions(sitting.here, looks, sitting.now, ids, pasts)


class Failed(Exception):  # noqa: N818, it is told to nobody
    """Questions that are to be asked one by one."""


def _told(
    sitting: Sitting,
    one: Heard,
    queries: Queries,
    answer: Answer,
    row: int,
    items: list[dict[str, Any]],
) -> bytes:
    """The answer to one of them."""
    told: dict[str, Any] = {
        "recommendation_id": str(one.id),
        "release": sitting.here.release,
        "path": answer.path,
        "items": items,
    }
    if one.look.explain or len(items) < one.look.n:
        own, asked = answer.of(row), queries.take(np.array([row]))
        if one.look.explain:
            _explain(sitting.here, asked, own, one.look, items)
        if len(items) < one.look.n:
            told["fewer"] = fewer(sitting.here, asked, own, one.look)
    sitting.shadow.follow(Exchange(one.look, sitting.now, told))
    return to_json(told, inf_nan_mode="null")


def _kept(
    sitting: Sitting, group: Sequence[Heard], queries: Queries, answer: Answer
) -> list[dict[str, Any]]:
    """What is written down of them: enough to answer again, and how it came about."""
    traces = traced(sitting.here.catalogue, answer, group[0].look.n, len(group))
    return [
        {
            "recommendation_id": str(one.id),
            "visitor": one.look.visitor(),
            "timestamp": time,
            "release": sitting.here.release,
            "path": answer.path,
            "question": one.look.model_dump_json(exclude_defaults=True),
            "trace": trace,
        }
        for one, time, trace in zip(group, queries.times.tolist(), traces, strict=True)
    ]


def similar(current: Current, like: Like) -> dict[str, Any]:
    """Items that go with an item. Raises Problem 404 where it is unknown."""
    here = latest(current).seen_by(like)
    code, gone = here.catalogue.code(like.item_id), here.catalogue.gone
    if code is None or (gone is not None and gone[code]):
        raise missing("item", like.item_id)
    if like.filter:
        meeting(here, like.filter)
    item = np.array([code], np.int32)
    log = here.visitors.log
    ranking = here.recommender.similar(item, like.n, current.clock(), like.filter or "", log)
    return {
        "release": here.release,
        "items": _items(here, here.catalogue.named(ranking.item), ranking, like.fields),
    }


def _items(
    here: Loaded, names: Sequence[str], ranking: Ranking, fields: Sequence[str]
) -> list[dict[str, Any]]:
    """What is told of each item of a list. names: their ids."""
    items: list[dict[str, Any]] = [
        {"item_id": name, "score": score}
        for name, score in zip(names, ranking.score.tolist(), strict=True)
    ]
    if fields:
        described = here.recommender.shown.describe(ranking.item, fields)
        for item, row in zip(items, described, strict=True):
            item |= plain(row)
    return items


def _explain(
    here: Loaded, queries: Queries, answer: Answer, look: Look, items: list[dict[str, Any]]
) -> None:
    """Give each item its reason; an answer without reasons is better than none."""
    try:
        reasons = here.recommender.reasons(queries, answer.ranking, look.placement)
        for item, code, reason in zip(items, answer.ranking.item, reasons, strict=True):
            item["reason"] = described(
                reason, int(code), queries.history, here.catalogue, look.language or "en"
            )
    except Exception:
        log.exception("Answering without reasons")


def _shown(
    sitting: Sitting, group: Sequence[Heard], answer: Answer, names: Sequence[str]
) -> list[Row]:
    """The impressions of the answers: a row for each. names: the ids of all items of the list."""
    ranking = answer.ranking
    items: list[list[tuple[Any, ...]]] = [[] for _ in group]
    columns = (ranking.query, ranking.places, ranking.score, ranking.chances)
    for name, query, *said in zip(names, *(column.tolist() for column in columns), strict=True):
        items[query].append((name, *said))
    return [
        {
            "recommendation_id": str(one.id),
            "user_id": one.look.user_id,
            "anonymous_id": one.look.anonymous_id,
            "session_id": one.look.session_id,
            "timestamp": sitting.now,
            "placement": one.look.placement,
            "release": sitting.here.release,
            "items": own,
        }
        for one, own in zip(group, items, strict=True)
        if own
    ]
