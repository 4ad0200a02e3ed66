"""Shadow mode: another release answers the same questions in the background; its answers are
compared with what was shown, and never shown."""

from __future__ import annotations

import logging
import queue
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from endcap.serve.loaded import Loaded
from endcap.serve.queries import question
from endcap.serve.request_schemas import Look
from endcap.serve.traces import difference
from endcap.store.shadows import Shadows

log = logging.getLogger("endcap.serve")

WAITING = 100
"""Questions that may wait; where the shadow is slower than visitors come, the others are not
compared."""


class Exchange(NamedTuple):
    """A question, its moment (UTC microseconds), and the answer that was shown."""

    look: Look
    moment: int
    answer: Mapping[str, Any]

    @property
    def id_(self) -> uuid.UUID:
        return uuid.UUID(self.answer["recommendation_id"])

    @property
    def items(self) -> list[str]:
        return [item["item_id"] for item in self.answer["items"]]


class Shadow:
    """A thread that asks the shadow, one question after the other."""

    def __init__(self, shadows: Shadows, loaded: Callable[[], Loaded | None]) -> None:
        """loaded: the shadow's release, None where there is none."""
        self.shadows, self.loaded = shadows, loaded
        self._waiting: queue.Queue[Exchange | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._go_on, name="shadow", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._waiting.put(None)
        self._thread.join()

    def follow(self, asked: Exchange) -> None:
        """Have a question asked of the shadow too; whoever calls does not wait."""
        if self.loaded() is not None and not self._waiting.full():
            self._waiting.put(asked)

    def _go_on(self) -> None:
        while (asked := self._waiting.get()) is not None:
            here = self.loaded()
            if here is not None:
                self.shadows.keep(self._row(here, asked))

    def _row(self, here: Loaded, asked: Exchange) -> dict[str, Any]:
        row = {
            "recommendation_id": str(asked.id_),
            "timestamp": asked.moment,
            "placement": asked.look.placement,
            "release": asked.answer["release"],
            "shadow": here.release,
        }
        try:
            return row | compared(here, asked)
        except Exception as error:
            log.exception("The shadow %s can't answer", here.release)
            return row | {"path": "failed", "difference": {"error": str(error)}}


def compared(here: Loaded, asked: Exchange) -> dict[str, Any]:
    """What the shadow answers to a question, beside what was shown."""
    began = time.perf_counter()
    here = here.seen_by(asked.look)
    queries = question(here, asked.look, asked.moment, asked.id_, again=True)
    answer = here.recommender.answer(queries, asked.look.n, asked.look.placement)
    seconds = time.perf_counter() - began
    items = here.catalogue.named(answer.ranking.item)
    shown = asked.items
    return {
        "path": answer.path,
        "overlap": len({*items} & {*shown}) / len(shown) if shown else float(not items),
        "first": items[:1] == shown[:1],
        "seconds": seconds,
        "difference": difference(shown, items),
    }
