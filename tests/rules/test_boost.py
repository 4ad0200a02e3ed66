from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from endcap.class_paths import check
from endcap.config import parse
from endcap.errors import ConfigError, FilterError
from endcap.rules.boost import Boost, Settings
from tests.rules.shelf import rule
from tests.shops import catalogue, queries, ranking

GOODS = catalogue(4, brand=["Acme", "华为", "Acme", None])


def test_an_item_has_the_factors_of_all_filters_that_it_meets(tmp_path: Path) -> None:
    factors = {'brand == "Acme"': 2.0, "price >= 12": 0.25}
    boost = rule(Boost, tmp_path, GOODS, factors=factors)
    assert boost.weigh(queries([]), ranking([3, 2, 1, 0])).tolist() == [0.25, 0.5, 1, 2]


@pytest.mark.parametrize("factor", [0, -1, 1e9, float("nan")])
def test_a_factor_lifts_or_sinks_and_does_not_turn_over(factor: float) -> None:
    with pytest.raises(ValidationError):
        Settings(factors={"available": factor})


def test_a_wrong_filter_is_told_before_any_work(tmp_path: Path) -> None:
    text = "[rules.mine]\nuse = 'endcap.rules.boost:Boost'\nfactors = {\"prize < 3\" = 2.0}\n"
    with pytest.raises(ConfigError, match=r"rules.mine.factors = 'prize < 3': .* at character 1"):
        check(parse(text))
    with pytest.raises(FilterError, match=r"no attribute attributes\.size"):
        rule(Boost, tmp_path, GOODS, factors={"attributes.size > 3": 2.0})


def test_however_many_factors_there_are_none_is_zero(tmp_path: Path) -> None:
    """By which what is below 0 would be divided."""
    sunk = {f"price >= {-n}": 1e-9 for n in range(9)} | {'brand == "Acme"': 1e-60}
    lifted = {f"price >= {-n}": 1_000.0 for n in range(40)}
    for factors in (sunk, lifted):
        boost = rule(Boost, tmp_path, GOODS, factors=factors)
        listed = ranking([3, 2, 1, 0], scores=[[2.0, 1.0, -1.0, -2.0]])
        factor = boost.weigh(queries([]), listed)
        assert (factor > 0).all()
        assert np.isfinite(listed.weighed(factor).score).all()
