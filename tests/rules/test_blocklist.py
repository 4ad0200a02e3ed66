from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from endcap.rules.blocklist import Blocklist
from tests.rules.shelf import rule
from tests.shops import catalogue, queries


def test_ids_and_a_filter(tmp_path: Path) -> None:
    goods = catalogue(5, brand=["a", "b", "b", "c", "d"])
    block = rule(Blocklist, tmp_path, goods, items=["i0", "gone"], filter='brand == "b"')
    allowed = block.restrict(queries([])).allowed
    assert allowed.tolist() == [False, False, False, True, True]
    asked = replace(queries([]), allowed=np.array([1, 1, 1, 1, 0], np.bool_))
    assert block.restrict(asked).allowed.tolist() == [False, False, False, True, False]


def test_without_settings_everything_is_free(tmp_path: Path) -> None:
    assert rule(Blocklist, tmp_path, catalogue(3)).restrict(queries([])).allowed.all()
