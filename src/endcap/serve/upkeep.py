"""What the service does for its store beside answering: live events go to the tables, and what
need not be kept is let go."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Callable

from endcap.config import Shop
from endcap.store import compact
from endcap.store.database import Database
from endcap.store.retention import let_go

log = logging.getLogger("endcap.serve")

FEWEST = 10_000
"""New places of a table from which on a file is written: a file that goes on is written again as a
whole."""

COMPACT = (sys.executable, "-m", compact.__name__)


class Upkeep:
    """A thread that does it every few minutes; of several processes, one at a time."""

    def __init__(self, shop: Shop, database: Database, clock: Callable[[], int]) -> None:
        self.shop, self.database, self.clock = shop, database, clock
        self._stop = threading.Event()
        self._compacting: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._go_on, name="upkeep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if child := self._compacting:
            child.terminate()  # what it has begun is begun anew the next time
        self._thread.join()

    def once(self) -> None:
        """Whatever goes wrong is tried again the next time."""
        try:
            self._compact()
            let_go(self.database, self.shop.tables, self.shop.config.store, self.clock())
        except Exception:
            log.exception("The upkeep of the store failed; it will be tried again")

    def _compact(self) -> None:
        """In a process of its own, see `endcap.store.compact`."""
        command = [*COMPACT, str(self.shop.tables), str(FEWEST)]
        with subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as child:
            self._compacting = child
            if self._stop.is_set():  # it was said while the process began
                child.terminate()
            _, said = child.communicate(str(self.shop.live))
            self._compacting = None
        if child.returncode and not self._stop.is_set():
            raise ChildProcessError(said)

    def _go_on(self) -> None:
        while not self._stop.wait(self.shop.config.store.compact_minutes * 60):
            self.once()
