"""Any table, by a mapping that says what its columns mean (`--mapping FILE`)."""

from __future__ import annotations

from endcap.errors import SourceError
from endcap.importing.mapping import expressions, without
from endcap.importing.nested import as_json
from endcap.sources import Extract, Given


def recognises(given: Given) -> float:
    """Nothing by itself: whoever has a mapping says so."""
    return 0.0


def read(given: Given) -> list[Extract]:
    """Raises SourceError where there is no mapping, or it names what is not there."""
    mapping = given.mapping
    if mapping is None:
        raise SourceError(f"{given.name} has no mapping", mend="Name its file with --mapping FILE")
    table = without(as_json(given.file.table), mapping, given.name)
    used = tuple(one.column for one in mapping.columns.values() if one.column is not None)
    return [given.extract(mapping.kind, expressions(table, mapping), table, used)]
