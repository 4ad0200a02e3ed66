"""What the catalogue says of items, as one text each."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from pydantic import Field

from endcap import config
from endcap.content.pieces import Piece
from endcap.tables.catalogue import Catalogue, each


class Texts(config.Settings):
    """What of the catalogue is read."""

    fields: tuple[Literal["title", "description", "categories", "brand", "tags"], ...] = Field(
        ("title", "description"),
        min_length=1,
        description="columns of the catalogue that are read, in this order",
    )
    characters: int = Field(2_000, gt=0, description="characters of an item that are read")


def texts(catalogue: Catalogue, settings: Texts) -> Iterator[str]:
    """For each item the text of its columns, empty where it says nothing.

    >>> goods = Catalogue.of({"item_id": ["a", "b"], "title": ["Ｍug", None], "tags": [["x"], []]})
    >>> list(texts(goods, Texts(fields=("title", "tags"))))
    ['Mug. x', '']
    """
    for row in each(catalogue.table, settings.fields):
        yield _text(row.values(), settings.characters)


def pieces(catalogue: Catalogue, settings: Texts) -> Iterator[Piece | None]:
    """The same as content that can be kept."""
    return (Piece.of(text.encode()) if text else None for text in texts(catalogue, settings))


def _text(values: Iterable[Any], characters: int) -> str:
    """NFKC: full-width letters and those put together from parts are the usual ones. NUL and its
    like would end a text early."""
    parts = [", ".join(value) if isinstance(value, list) else value for value in values if value]
    text = ". ".join(part[:characters].strip() for part in parts if part.strip())
    clean = "".join(" " if _control(sign) else sign for sign in text[:characters])
    return " ".join(unicodedata.normalize("NFKC", clean)[:characters].split())


def _control(sign: str) -> bool:
    return unicodedata.category(sign) in ("Cc", "Cs")
