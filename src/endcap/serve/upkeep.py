"""What the service does for its store beside answering: live events go to the tables, and what
need not be kept is let go."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from endcap.config import Shop
from endcap.errors import StateError
from endcap.store.compact import compact
from endcap.store.database import Database
from endcap.store.retention import let_go

log = logging.getLogger("endcap.serve")

FEWEST = 10_000
"""New places of a table from which on a file is written: a file that goes on is written again as a
whole."""

REST = 4.0
"""Times as long as some rows took to write that answering has the processor for itself."""


class Upkeep:
    """A thread that does it every few minutes; of several processes, one at a time."""

    def __init__(self, shop: Shop, database: Database, clock: Callable[[], int]) -> None:
        self.shop, self.database, self.clock = shop, database, clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="upkeep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def once(self) -> None:
        """Whatever goes wrong is tried again the next time."""
        try:
            compact(self.database, self.shop.tables, fewest=FEWEST, rest=REST)
            let_go(self.database, self.shop.tables, self.shop.config.store, self.clock())
        except StateError:
            log.debug("Another process is at the upkeep")
        except Exception:
            log.exception("The upkeep of the store failed; it will be tried again")

    def _go_on(self) -> None:
        while not self._stop.wait(self.shop.config.store.compact_minutes * 60):
            self.once()
