"""What a request asks of the release: who is asking, when, and what may be answered."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence

import numpy as np

from endcap.errors import FilterError
from endcap.serve.current import Current
from endcap.serve.ids import seed_of
from endcap.serve.loaded import Loaded
from endcap.serve.problems import later, wrong
from endcap.serve.request_schemas import Ask, Look
from endcap.store.events import Seen
from endcap.tables.context import stated
from endcap.types import Bools, History, Int64s, Queries, Ragged


def loaded(current: Current) -> Loaded:
    """Raises Problem 503 until there is a release."""
    if current.loaded is None:
        raise later(503, current.trouble or "No release is loaded.", 5)
    return current.loaded


def latest(current: Current) -> Loaded:
    """The same over the items as they are at this moment."""
    loaded(current)
    return current.latest() or loaded(current)


def question(here: Loaded, look: Look, now: int, id_: uuid.UUID, *, again: bool = False) -> Queries:
    """What is asked of the release. Raises Problem 422.

    again: what was asked at the moment `now`; nothing that happened since may be known.
    """
    pasts = here.visitors.histories([look.visitor()])
    return questions(here, [look], now, [id_], pasts, again=again)


def questions(
    here: Loaded,
    looks: Sequence[Look],
    now: int,
    ids: Sequence[uuid.UUID],
    pasts: History,
    *,
    again: bool = False,
) -> Queries:
    """The same of several requests with one placement and one filter: a row for each. Its moment
    is now, or right after the past where a clock is ahead.

    pasts: what the visitors did, a row for each.
    """
    placements, first = here.recommender.config.placements, looks[0]
    if first.placement not in placements:
        raise wrong("placement", first.placement, f"expected one of {', '.join(placements)}")
    history, codes = _histories(here, looks, now, pasts, again), here.recommender.catalogue.codes
    queries = Queries(
        users=here.visitors.codes([look.visitor() for look in looks]),
        times=np.maximum(now, _ends(history) + 1),
        history=history,
        anchors=Ragged.of([codes(look.items).tolist() for look in looks]),
        exclude=Ragged.of([sorted({*codes(look.exclude).tolist()}) for look in looks]),
        seeds=np.array([seed_of(id_) for id_ in ids]),
        context=_context(here, looks),
        log=here.visitors.log,
    )
    return queries.allow(meeting(here, first.filter)) if first.filter else queries


def _context(here: Loaded, looks: Sequence[Look]) -> tuple[tuple[str, ...], ...]:
    """What each request says of the visitor and the moment, then what the shop says of the user
    under other names."""
    said = tuple(stated(look.context) for look in looks)
    if not here.recommender.hears_context:
        return said
    return tuple((*own, *_known(here, look)) for own, look in zip(said, looks, strict=True))


def _known(here: Loaded, look: Look) -> Iterator[str]:
    """What the shop says of a user that the request does not."""
    own = tuple(f"{name}: " for name in look.context)
    labels = () if look.user_id is None else here.visitors.labels(look.user_id)
    return (one for one in labels if not one.startswith(own))


def meeting(here: Loaded, text: str) -> Bools:
    """[items] those that meet a filter. Raises Problem 422 that says where it is wrong."""
    try:
        return here.recommender.shown.meets(text)
    except FilterError as error:
        raise wrong("filter", text, str(error), position=error.at) from error


def _histories(
    here: Loaded, looks: Sequence[Look], now: int, pasts: History, again: bool
) -> History:
    """What the visitors did, and what the requests say they have just done."""
    if again:
        pasts, now = pasts.keep(pasts.times < now), now - 1
    just = [look.events if isinstance(look, Ask) else [] for look in looks]
    if not any(just):
        return pasts
    last = np.maximum(now, _ends(pasts) + 1).tolist()
    seen = [
        [Seen(one.item_id, one.event_type, moment) for one in events]
        for events, moment in zip(just, last, strict=True)
    ]
    return here.visitors.add(pasts, seen)


def _ends(history: History) -> Int64s:
    """[rows] the moment of the newest event of each, 0 where there is none."""
    ends = np.zeros(len(history), np.int64)
    there = history.lengths > 0
    ends[there] = history.times[history.offsets[1:][there] - 1]
    return ends
