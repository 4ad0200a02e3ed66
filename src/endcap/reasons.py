"""Why an item is shown, as far as the retrievers can say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from endcap.config import Placement
from endcap.stages import Retriever
from endcap.types import Push, Queries, Ragged, Ranking, Tie

NAMED = 5
"""Items that a reason names at most, the strongest."""


@dataclass(frozen=True)
class Reason:
    """Why an item is shown: it goes with items of the visitor's past or of the page, it was
    taken before, or it is popular.

    items: that speak for it, the strongest first.
    ties: how each of them has to do with it, None for one where nobody can say.
    events: of the past, those that moved the score of a model most.
    """

    kind: Literal["because", "similar", "again", "popular"]
    items: tuple[int, ...]
    ties: tuple[Tie | None, ...] = ()
    events: tuple[Push, ...] = ()


def reasons(
    retrievers: Mapping[str, Retriever[Any]], queries: Queries, ranking: Ranking, place: Placement
) -> list[Reason]:
    """One for each row of the ranking."""
    asked = queries.about_anchors() if place.anchored else queries
    spoken = [
        (said, retriever)
        for retriever in retrievers.values()
        if (said := retriever.because(asked, ranking)) is not None
    ]
    past = replace(asked, exclude=asked.history.ragged(), allowed=None)
    had = ~past.permits(ranking.query, ranking.item)
    found = [
        _reason(row, int(item), bool(had[row]), spoken, place)
        for row, item in enumerate(ranking.item)
    ]
    return found if place.anchored else _moved(retrievers, asked, ranking, place, found)


def _moved(
    retrievers: Mapping[str, Retriever[Any]],
    asked: Queries,
    ranking: Ranking,
    place: Placement,
    known: list[Reason],
) -> list[Reason]:
    """The reasons, but where no tie is known: there what the placement's retrievers say of the
    events that moved their scores."""
    names = place.retrievers or tuple(retrievers)
    said = [retrievers[name].moved(asked, ranking) for name in names]
    told, better = [one for one in said if one is not None], []
    for row, reason in enumerate(known):
        events = next((tuple(one[row]) for one in told if len(one[row])), ())
        if events and reason.kind != "again" and not any(reason.ties):
            past = asked.history.take(ranking.query[[row]]).items[::-1]
            items = dict.fromkeys(int(past[event.age]) for event in events)
            reason = Reason("because", tuple(items), events=events)
        better.append(reason)
    return better


def _reason(
    row: int,
    item: int,
    had: bool,
    spoken: list[tuple[Ragged, Retriever[Any]]],
    place: Placement,
) -> Reason:
    if had:
        return Reason("again", ())
    for found, retriever in spoken:
        if len(found[row]):
            kind: Literal["similar", "because"] = "similar" if place.anchored else "because"
            named = found[row][:NAMED]
            return Reason(kind, tuple(named.tolist()), tuple(retriever.ties(named, item)))
    return Reason("popular", ())
