"""What a request asks of the release: who is asking, when, and what may be answered."""

from __future__ import annotations

import uuid
from dataclasses import replace

import numpy as np

from endcap.errors import FilterError
from endcap.serve.current import Current
from endcap.serve.loaded import Loaded
from endcap.serve.problems import Problem, wrong
from endcap.serve.questions import Ask, Look
from endcap.store.events import Seen
from endcap.tables.context import stated
from endcap.types import NOBODY, Bools, History, Int32s, Queries, Ragged


def loaded(current: Current) -> Loaded:
    """Raises Problem 503 until there is a release."""
    if current.loaded is None:
        raise Problem(503, current.trouble or "No release is loaded.", headers={"Retry-After": "5"})
    return current.loaded


def latest(current: Current) -> Loaded:
    """The same over the items as they are at this moment."""
    loaded(current)
    return current.latest() or loaded(current)


def question(
    here: Loaded,
    look: Look,
    now: int,
    id_: uuid.UUID,
    *,
    past: History | None = None,
    again: bool = False,
) -> Queries:
    """What is asked of the release. Its moment is now, or right after the past where a clock is
    ahead. Raises Problem 422.

    past: what the visitor did, where that has been looked up.
    again: what was asked at the moment `now`; nothing that happened since may be known.
    """
    placements = here.recommender.config.placements
    if look.placement not in placements:
        raise wrong("placement", look.placement, f"expected one of {', '.join(placements)}")
    if past is None:
        past = here.visitors.history(look.visitor())
    queries = _queries(here, look, now, past, again)
    queries = replace(queries, seeds=np.array([id_.int >> 65]))
    return queries.allow(meeting(here, look.filter)) if look.filter else queries


def _queries(here: Loaded, look: Look, now: int, past: History, again: bool) -> Queries:
    catalogue, history = here.recommender.catalogue, _history(here, look, now, past, again)
    moment = max(now, int(history.times.max(initial=0)) + 1)
    key = look.visitor()
    user = NOBODY if key is None else here.visitors.code(key)
    queries = Queries.of(np.array([user], np.int32), np.array([moment]), history)
    return replace(
        queries,
        anchors=_row(catalogue.codes(look.items)),
        exclude=_row(np.unique(catalogue.codes(look.exclude))),
        context=(_context(here, look),),
        log=here.visitors.log,
    )


def _context(here: Loaded, look: Look) -> tuple[str, ...]:
    """What the request says of the visitor and the moment, then what the shop says of the user
    under other names."""
    said = stated(look.context)
    if look.user_id is None or not here.recommender.hears_context:
        return said
    own = tuple(f"{name}: " for name in look.context)
    return (*said, *(one for one in here.visitors.labels(look.user_id) if not one.startswith(own)))


def meeting(here: Loaded, text: str) -> Bools:
    """[items] those that meet a filter. Raises Problem 422 that says where it is wrong."""
    try:
        return here.recommender.shown.meets(text)
    except FilterError as error:
        raise wrong("filter", text, str(error), position=error.at) from error


def _history(here: Loaded, look: Look, now: int, history: History, again: bool) -> History:
    """What the visitor did, and what the request says they have just done."""
    if again:
        history, now = history.keep(history.times < now), now - 1
    if not isinstance(look, Ask) or not look.events:
        return history
    last = max(now, int(history.times.max(initial=0)) + 1)
    just = [Seen(one.item_id, one.event_type, last) for one in look.events]
    return here.visitors.add(history, just)


def _row(codes: Int32s) -> Ragged:
    return Ragged(np.array([0, len(codes)], np.int64), codes)
