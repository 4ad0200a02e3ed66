"""A system as a market sees it: filters and rules go by the prices there.

Models don't: they learned from the prices of the catalogue, and numbers in another currency would
mean something else to them.
"""

from __future__ import annotations

from dataclasses import replace

from endcap.recommender import Recommender
from endcap.stages import Run
from endcap.tables.markets import ELSEWHERE, known_as


def in_market(system: Recommender, market: str) -> Recommender:
    """The same system where prices are those of a market; itself where no item names one."""
    catalogue, name = system.catalogue, known_as(market)
    if not catalogue.markets:
        return system
    shelf = catalogue.in_market(name if name in catalogue.markets else ELSEWHERE)
    run = Run(seed=system.config.seed)
    rules = {name: rule.renewed(shelf, run) for name, rule in system.rules.items()}
    return replace(system, shelf=shelf, rules=rules)
