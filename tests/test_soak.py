"""The soak: what it says of a service, and that the service stands a short one."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.soak import PARTS, change, soak
from tests.serve.shops import prepared_shop, release


def test_change_is_from_the_first_third_to_the_last() -> None:
    assert change([100.0, 100.0, 150.0, 110.0, 110.0, 110.0]) == 0.1
    assert change([2.0]) == 0.0
    assert change([0.0, 0.0, 5.0]) == 0.0


@pytest.mark.slow
def test_a_minute(tmp_path: Path) -> None:
    shop = prepared_shop(tmp_path)
    release(shop, "first")
    found = soak(shop.folder, minutes=1.0, workers=2, share=0.5)
    assert found["errors"] == 0
    assert len(found["parts"]) == PARTS
    assert all(part["requests"] for part in found["parts"])
    assert abs(found["memory_change"]) < 0.1
