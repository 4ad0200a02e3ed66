"""What a check found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from endcap.tables.prepare.checks import Status

Rows: TypeAlias = Sequence[Mapping[str, Any]]

EXAMPLES = 5
"""Bad rows that are shown."""

MAPPING = "# in a mapping, for: endcap import FILE --mapping mapping.toml\n"
"""Where lines of TOML stand that say what a file means."""


def listed(names: Iterable[str]) -> str:
    """As TOML has it.

    >>> listed(["a", "b"])
    '["a", "b"]'
    """
    return json.dumps([*names], ensure_ascii=False)


@dataclass(frozen=True)
class Bars:
    """Amounts beside each other.

    labels: below them, or in front where they lie. marked: those that are the matter.
    lying: whether they lie below each other, as long names need.
    """

    title: str
    labels: Sequence[str]
    values: Sequence[float]
    marked: Sequence[int] = ()
    lying: bool = False


@dataclass(frozen=True)
class Curve:
    """A line through points, from 0 to 1 both ways. ends: what stands below its two ends."""

    title: str
    across: Sequence[float]
    up: Sequence[float]
    ends: tuple[str, str]


Picture: TypeAlias = Bars | Curve


@dataclass(frozen=True)
class Finding:
    """An answer in a sentence, and what helps to act upon it.

    examples: some of the rows that are bad, by column.
    repair: a command or lines of TOML; empty where nothing is to be done.
    """

    status: Status
    detail: str
    examples: Rows = ()
    repair: str = ""
    picture: Picture | None = None

    def named(self, name: str, title: str, group: str) -> dict[str, Any]:
        """Ready for JSON, under the name of the check. group: the folder that it is in."""
        return {"name": name, "title": title, **asdict(self), "group": group}
