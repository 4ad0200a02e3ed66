"""Lists that go on: the next page holds nothing that stood on the pages before.

What was shown is in the trace of each answer, so a page names the one before it, and no list has
to be kept while the visitor reads.
"""

from __future__ import annotations

import time
from typing import Any

from endcap.serve.bodies import MOST
from endcap.serve.current import Current
from endcap.serve.problems import wrong
from endcap.serve.request_schemas import Look

WAITS = 10
"""Times that a page is looked for, a twentieth of a second each: another worker writes it down
right after it was sent."""


def going_on(current: Current, look: Look) -> Look:
    """The same request without the items of the pages before. Raises Problem 422."""
    if look.after is None:
        return look
    page = _page(current, look.after)
    if page is None:
        raise wrong("after", look.after, "there is no such answer, or it is no longer kept")
    if page["visitor"] != look.visitor():
        raise wrong("after", look.after, "it was given to another visitor")
    shown = [item["item_id"] for item in page["trace"]["items"]]
    exclude = dict.fromkeys([*page["question"].get("exclude", []), *shown, *look.exclude])
    if len(exclude) > MOST:
        raise wrong(
            "after", look.after, f"a list goes on for {MOST:,} items, excluded ones included"
        )
    return look.model_copy(update={"exclude": list(exclude), "after": None})


def _page(current: Current, recommendation_id: str) -> dict[str, Any] | None:
    for _ in range(WAITS):
        if (page := current.answers.find(recommendation_id)) is not None:
            return page
        time.sleep(0.05)
    return None
