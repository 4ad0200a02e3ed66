"""What a search for better settings may try: a space for each setting, beside the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

Value: TypeAlias = Any
"""Of a setting: a truth value, a number or a text, of one kind in one space."""


@dataclass(frozen=True, init=False)
class Choice:
    """One of these values.

    >>> Choice(32, 64).including(48)
    Choice(32, 48, 64)
    """

    values: tuple[Value, ...]

    def __init__(self, *values: Value) -> None:
        object.__setattr__(self, "values", values)

    def __repr__(self) -> str:
        return f"Choice{self.values}"

    @property
    def samples(self) -> tuple[Value, ...]:
        return self.values

    def including(self, value: Value) -> Choice:
        """The space with one value more, where it does not hold it yet."""
        return self if value in self.values else Choice(*sorted((*self.values, value)))


@dataclass(frozen=True)
class Between:
    """A number from `low` to `high`, both included; a whole one where both are.

    log: whether factors count rather than differences.

    >>> Between(0.1, 0.5).including(0.9)
    Between(low=0.1, high=0.9, log=False)
    """

    low: float
    high: float
    log: bool = False

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def samples(self) -> tuple[Value, ...]:
        """Its two ends, between which all is allowed if they are."""
        return self.low, self.high

    def including(self, value: float) -> Between:
        """The space with one value more; 0 has no logarithm, so with it differences count."""
        return Between(min(self.low, value), max(self.high, value), self.log and value > 0)


Search: TypeAlias = Choice | Between


def space(**settings: Search) -> Mapping[str, Search]:
    """What a stage says: for each of these settings, what may be tried."""
    return MappingProxyType(settings)
