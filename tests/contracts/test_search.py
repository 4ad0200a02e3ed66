"""What `endcap tune` may try of a stage is allowed, and holds what the stage does by default."""

from __future__ import annotations

from typing import Any

import pytest

from endcap.config import Between, Choice, Search
from endcap.nn.networks import Network
from endcap.stages import Stage
from tests.contracts.found import ENCODERS, NETWORKS, RANKERS, RETRIEVERS, RULES

STAGES: list[type[Stage[Any] | Network]] = [*RETRIEVERS, *RANKERS, *RULES, *ENCODERS, *NETWORKS]

SPACES = [
    pytest.param(cls, name, search, id=f"{cls.__name__}.{name}")
    for cls in STAGES
    for name, search in cls.search.items()
]


@pytest.mark.parametrize(("cls", "name", "search"), SPACES)
def test_a_setting_may_have_every_value_of_its_space(
    cls: type[Stage[Any] | Network], name: str, search: Search
) -> None:
    assert name in cls.settings_type.model_fields
    default = getattr(cls.settings_type(), name)
    assert search.including(default) == search, "the default lies within"
    for value in search.samples:
        settings = cls.settings_type.model_validate({name: value})
        found = getattr(settings, name)
        assert (found, type(found)) == (value, type(default)), "nothing is rounded or converted"


def test_a_space_takes_in_what_a_shop_has_set() -> None:
    assert Choice(1, 2).including(3).samples == (1, 2, 3)
    assert Between(1, 5).including(9) == Between(1, 9)
    assert Between(0.1, 1.0, log=True).including(2.0) == Between(0.1, 2.0, log=True)
    assert Between(0.1, 1.0, log=True).including(0.0) == Between(0.0, 1.0)
