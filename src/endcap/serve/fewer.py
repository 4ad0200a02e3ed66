"""Why an answer holds fewer items than were asked for."""

from __future__ import annotations

from typing import Any

import numpy as np

from endcap.answer import Answer
from endcap.serve.loaded import Loaded
from endcap.serve.request_schemas import Look
from endcap.types import Queries


def fewer(here: Loaded, queries: Queries, answer: Answer, look: Look) -> dict[str, Any]:
    """What the answer to a single question says of its shortness.

    may_be_shown: items that nothing forbids. forbidden: of the catalogue, how many items each in
    turn takes away, the request's own wishes first.
    """
    found, left = len(answer.ranking), len(here.catalogue)
    forbidden = {}
    for name, count in _left(here, queries, look.placement):
        if count < left:
            forbidden[name] = left - count
        left = count
    return {
        "wanted": look.n,
        "found": found,
        "may_be_shown": left,
        "forbidden": forbidden,
        "text": _text(answer, look, left, forbidden),
    }


def _left(here: Loaded, queries: Queries, placement: str) -> list[tuple[str, int]]:
    """How many items may be answered after each that forbids some."""
    system = here.recommender
    place, items = system.placement(placement), len(here.catalogue)
    named = [("filter", items if queries.allowed is None else int(queries.allowed.sum()))]
    named.append(("exclude", _permitted(queries, items)))
    for name, restrict in system.restrictions(place, include_seen=False):
        queries = restrict(queries)
        named.append((name, _permitted(queries, items)))
    return named


def _permitted(queries: Queries, items: int) -> int:
    mask = np.ones(items, np.bool_) if queries.allowed is None else queries.allowed.copy()
    mask[queries.exclude.values] = False
    return int(mask.sum())


def _text(answer: Answer, look: Look, left: int, forbidden: dict[str, int]) -> str:
    proposed = max((len(ranking) for _, ranking in answer.steps), default=0)
    if left < look.n:
        causes = ", ".join(f"{name} forbids {count:,}" for name, count in forbidden.items())
        return f"{left:,} items may be shown" + (f": {causes}." if causes else ".")
    if proposed < look.n:
        return f"{proposed:,} items are proposed for the placement {look.placement}."
    gone = proposed - len(answer.ranking)
    return f"The rules of the placement {look.placement} leave out {gone:,} that are proposed."
