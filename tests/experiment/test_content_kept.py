"""Content is encoded once, whatever is fitted afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from endcap import config
from endcap.config import Shop
from endcap.content import encoding
from endcap.content.cache import Cache
from endcap.content.pieces import Piece
from endcap.experiment.fit import fit
from endcap.experiment.tune.search import tune
from endcap.stages import ALONE, Encoder, Run
from endcap.tables.catalogue import Catalogue
from endcap.types import Encoded, Floats
from tests.experiment.learnable import ITEMS, learnable

USE = f'retrievers.described.content.text.use="{__name__}:Slow"'


class Slow(Encoder[config.Settings]):
    """Says of an item how long its id is, and notes which it was asked about."""

    settings_type = config.Settings
    embedded: ClassVar[list[bytes]] = []

    def encode(self, catalogue: Catalogue, run: Run = ALONE) -> Encoded:
        ids = [item.encode() for item in catalogue.table["item_id"].to_pylist()]
        cache = Cache.of(run.cache, self, "", 2)
        pieces = map(Piece.of, ids)
        return encoding.encode(pieces, len(ids), self._embed, cache, run.report, "slow")

    def _embed(self, contents: Sequence[bytes]) -> list[Floats]:
        self.embedded.extend(contents)
        return [np.array([1, len(one)], np.float32) for one in contents]


def test_a_fit_encodes_each_item_once_and_the_next_one_none(tmp_path: Path) -> None:
    Slow.embedded.clear()
    shop = learnable(tmp_path, [USE])
    fit(shop)
    assert sorted(Slow.embedded) == sorted(set(Slow.embedded))
    assert len(Slow.embedded) == ITEMS
    fit(Shop.open(tmp_path, [USE, "seed=2"]))
    tune(shop, trials=1)
    assert len(Slow.embedded) == ITEMS
    assert [path.suffix for path in shop.content.iterdir()] == [".sqlite"]
