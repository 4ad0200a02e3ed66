"""What a stage has learned: arrays by name, and arrays of parts of it under theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

State = Mapping[str, NDArray[Any]]


def below(state: State, name: str) -> dict[str, Any]:
    """The arrays of a state whose names begin with another and a dot, by the rest of them.

    >>> below({"text.axes": 1, "text.terms": 2, "texts.axes": 3}, "text")
    {'axes': 1, 'terms': 2}
    """
    start = f"{name}."
    return {key[len(start) :]: one for key, one in state.items() if key.startswith(start)}


def under(name: str, state: State) -> dict[str, NDArray[Any]]:
    """Arrays as part of a larger state, from which `parted` takes them.

    >>> under("text", {"axes": 1, "terms": 2})
    {'text.axes': 1, 'text.terms': 2}
    """
    return {f"{name}.{key}": one for key, one in state.items()}


def parted(state: State, name: str) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """A state without the arrays that stand `under` a name, and those.

    >>> parted({"text.axes": 1, "texts.axes": 3}, "text")
    ({'texts.axes': 3}, {'axes': 1})
    """
    rest = {key: one for key, one in state.items() if not key.startswith(f"{name}.")}
    return rest, below(state, name)
