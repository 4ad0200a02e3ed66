"""However little it holds at once, the scores are the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from endcap.retrievers import mlp
from endcap.stages import Run
from tests.shops import checkerboard, queries


def test_a_catalogue_in_blocks_is_scored_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = mlp.Settings(dim=8, layers=(8, 4), negatives=8, epochs=1)
    model = mlp.MLP.fit(settings, checkerboard(tmp_path), None, Run(seed=3))
    asked = queries([0, 2], [1], [3, 5, 7])
    whole = model.retrieve(asked, 20)
    monkeypatch.setattr(mlp, "CELLS", 3 * 8 * 3)  # three items at once
    blocks = model.retrieve(asked, 20)
    np.testing.assert_array_equal(whole.item, blocks.item)
    np.testing.assert_allclose(whole.score, blocks.score, rtol=1e-5)
