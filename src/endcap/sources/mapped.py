"""Any table, by a mapping that says what its columns mean (`--mapping FILE`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from endcap.errors import SourceError
from endcap.sources import Given
from endcap.tables.conform import Extract, conform
from endcap.tables.mapping import Mapping, expressions, without, words
from endcap.tables.nested import as_json


def recognises(given: Given) -> float:
    """Nothing by itself: whoever has a mapping says so."""
    return 0.0


def read(given: Given) -> Sequence[Extract]:
    """Raises SourceError where there is no mapping, or it names what is not there."""
    mapping = given.mapping
    if mapping is None:
        raise SourceError(f"{given.name} has no mapping", mend="Name its file with --mapping FILE")
    table = without(as_json(given.file.table), mapping, given.name)
    rows = conform(mapping.kind, *_laid_out(table, mapping))
    return given.wanted(
        Extract(mapping.kind, rows, given.file.lost, words(mapping), given.file.notes)
    )


def _laid_out(table: Any, mapping: Mapping) -> tuple[Any, dict[str, Any]]:
    """The table with what the mapping makes in place of what it is made of, and where each is."""
    made = expressions(table, mapping)
    used = {one.column for one in mapping.columns.values()}
    rest = [name for name in table.columns if name not in used]
    places = {name: f"{name}, as mapped" for name in made}
    columns = {
        places[name]: table[one] if isinstance(one, str) else one for name, one in made.items()
    }
    return table.select(*rest, **columns), places
