"""Whether an item is dear for what it is, and what it is reduced by."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from endcap.config import Settings
from endcap.stages import Feature
from endcap.tables.scene import Scene


class Price(Feature[Settings]):
    """By the catalogue as it is at the moment.

    place: from 0 for the cheapest of its category to 1 for the dearest. discount: the share of
    the price that is taken off.
    """

    def values(self, scene: Scene) -> Mapping[str, NDArray[np.floating]]:
        item, goods = scene.ranking.item, scene.catalogue
        price, sale = goods.price[item], goods.sale_price[item]
        asked = np.where(np.isnan(sale), price, sale)
        paid = asked / np.where(price > 0, price, np.nan)
        return {"place": goods.price_place[item], "discount": 1 - paid}
