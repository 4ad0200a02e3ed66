"""What is known of a visitor or a moment beside events: attributes, device, campaign, taste."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import from_json

MOST = 100
"""Labels of one visitor that are read."""

LENGTH = 100
"""Characters of a label that are read."""


def labels(text: str | None) -> tuple[str, ...]:
    """Of the JSON of attributes; nothing where it is not an object.

    >>> labels('{"age": "45-54", "likes": ["Tea", "vegan"], "pets": 2}')
    ('age: 45-54', 'likes: tea', 'likes: vegan', 'pets: 2')
    """
    return stated(object_of(text))


def object_of(text: str | None) -> dict[str, Any]:
    """Attributes as they are stored; nothing where they are no object."""
    try:
        found = from_json(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def stated(said: Mapping[str, Any]) -> tuple[str, ...]:
    """Each thing that is stated, with its name."""
    return tuple(dict.fromkeys(_labels(said)))[:MOST]


def _labels(said: Mapping[str, Any]) -> Iterator[str]:
    for name, value in said.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, (str, int, float)) and str(one).strip():
                yield f"{name}: {' '.join(str(one).lower().split())}"[:LENGTH]
