"""A system as a market sees it: filters and rules go by the prices there.

Models don't: they learned from the prices of the catalogue, and numbers in another currency would
mean something else to them.
"""

from __future__ import annotations

from dataclasses import replace

from endcap.recommender import Recommender
from endcap.tables.markets import ELSEWHERE


def in_market(system: Recommender, market: str) -> Recommender:
    """The same system where prices are those of a market. market: see `known_as`."""
    catalogue = system.catalogue
    shelf = catalogue.in_market(market if market in catalogue.markets else ELSEWHERE)
    return replace(system, shelf=shelf, rules=system.rules_over(shelf))
