"""The files that a catalogue names, an item at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import pyarrow as pa
from pydantic import Field

from endcap import config
from endcap.content.files import Shelf, download, is_url, plain
from endcap.content.pieces import Piece, Unreadable
from endcap.errors import ConfigError
from endcap.tables.catalogue import Catalogue
from endcap.tables.context import object_of
from endcap.tables.schema import ITEMS

ATTRIBUTES = "attributes."


def _exists(column: str) -> None:
    own = column.removeprefix(ATTRIBUTES)
    if column not in ITEMS.names and own in ("", column):
        raise ValueError(f"expected {ATTRIBUTES}NAME or one of {', '.join(ITEMS.names)}")


Column = Annotated[str, config.valid(_exists)]


class Files(config.Settings):
    """Where an item's file is."""

    column: Column = Field(
        "image_url",
        description="column of the catalogue that names the file, or `attributes.NAME`",
    )
    folder: str = Field(
        ".",
        description="folder or archive that the paths begin in, and never lead out of; if it is "
        "not absolute, from where the command or the service is started",
    )
    urls: bool = Field(False, description="whether files at http and https URLs are fetched")
    megabytes: float = Field(20.0, gt=0, description="size of a file at most")

    @property
    def most(self) -> int:
        """Bytes."""
        return int(self.megabytes * 1e6)


def pieces(catalogue: Catalogue, settings: Files) -> Iterator[Piece | str | None]:
    """For each item its file; None where it names none, words where there is none to be had.

    What is at a URL is taken to stay the same, so it is not fetched again.
    """
    with Shelf(Path(settings.folder), settings.most) as shelf:
        for said in names(catalogue.table, settings.column):
            name = (said or "").strip()
            if not name:
                yield None
            elif is_url(name):
                yield _remote(name, settings)
            else:
                yield _local(plain(name), shelf)


def names(items: pa.Table, column: str) -> Iterator[str | None]:
    """What a column says. Raises ConfigError where the catalogue has no such column.

    >>> goods = pa.table({"attributes": ['{"clip": "a.wav"}', None]})
    >>> list(names(goods, "attributes.clip"))
    ['a.wav', None]
    """
    own = column.removeprefix(ATTRIBUTES)
    if own == column and column not in items.column_names:
        raise ConfigError(
            f"column = {column!r}, but the catalogue has no such column",
            expected=f"attributes.NAME or one of {', '.join(items.column_names)}",
        )
    if own == column:
        return (None if one is None else str(one) for one in items[column].to_pylist())
    if "attributes" not in items.column_names:
        return iter([None] * items.num_rows)
    values = (object_of(text).get(own) for text in items["attributes"].to_pylist())
    return (value if isinstance(value, str) else None for value in values)


def _remote(url: str, settings: Files) -> Piece | str:
    if not settings.urls:
        return "is at a URL, and `urls` is off"
    key = hashlib.sha256(f"url {url}".encode()).digest()
    return Piece(key, partial(download, url, settings.most), settings.most)


def _local(name: str, shelf: Shelf) -> Piece | str:
    try:
        return Piece.of(shelf.read(name))
    except Unreadable as reason:
        return str(reason)
