from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from endcap.store.events import LiveEvents


@pytest.fixture
def live(where: Path | str) -> Iterator[LiveEvents]:
    with closing(LiveEvents.open(where)) as opened:
        yield opened
