"""MovieLens: ratings, movies, tags and users, as CSV with names or, as the older ones, without.

userId,movieId,rating,timestamp            1::1193::5::978300760
movieId,title,genres                       1::Toy Story (1995)::Animation|Children's
                                           1::F::1::10::48067
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from endcap.errors import SourceError
from endcap.importing.nested import Told, every, text_at
from endcap.sources import Extract, Given

RATINGS = ("userId", "movieId", "rating", "timestamp")
TAGS = ("userId", "movieId", "tag", "timestamp")
MOVIES = ("movieId", "title", "genres")
USERS = ("userId", "gender", "age", "occupation", "zip")

FILES: tuple[tuple[str, ...], ...] = (RATINGS, TAGS, MOVIES, USERS)

NO_GENRES = "(no genres listed)"

EVENTS = {"user_id": "userId", "item_id": "movieId", "timestamp": "timestamp"}


def recognises(given: Given) -> float:
    return float(_names(given) is not None)


def read(given: Given) -> list[Extract]:
    """Raises SourceError where it is none of the files."""
    names = _names(given)
    if names is None:
        raise SourceError(
            f"{given.name} is none of MovieLens' files", expected="ratings, movies, tags or users"
        )
    table = given.file.table
    rows = table.select(**{name: table[column] for name, column in names.items()})
    return [_extract(given, rows)]


def _names(given: Given) -> Mapping[str, str] | None:
    """Name of a column → what the file calls it; None where it is none of the files."""
    for names in FILES:
        if given.columns == {*names}:
            return {name: name for name in names}
    return next((named for names in FILES if (named := _nameless(given, names))), None)


def _nameless(given: Given, names: Sequence[str]) -> dict[str, str] | None:
    columns = {name: f"column {place}" for place, name in enumerate(names, start=1)}
    if given.columns != {*columns.values()}:
        return None
    return columns if given.has(lambda rows: _fitting(rows, names, columns)) else None


def _fitting(rows: Any, names: Sequence[str], columns: Mapping[str, str]) -> Any:
    """Rows that are what the columns of these names hold."""
    first = rows[columns[names[0]]].re_search(r"^\d+$")
    if names == RATINGS:
        return rows.filter(first & rows[columns["rating"]].re_search(r"^[0-5](\.\d)?$"))
    if names == USERS:
        return rows.filter(first & rows[columns["gender"]].isin(["F", "M"]))
    return rows.filter(first)


def _extract(given: Given, rows: Any) -> Extract:
    if "title" in rows.columns:
        genres = text_at(rows, "genres").nullif(NO_GENRES)
        columns = {"item_id": "movieId", "title": "title", "categories": Told(genres, "genres")}
        return given.extract("items", columns, rows, ("genres",))
    if "movieId" not in rows.columns:
        return given.extract("users", {"user_id": "userId"}, rows)
    kind = "rate" if "rating" in rows.columns else "tag"
    return given.extract("events", {**EVENTS, "value": "rating", "event_type": every(kind)}, rows)
