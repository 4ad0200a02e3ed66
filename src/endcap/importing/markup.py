"""XML feeds as JSON Lines, an element of the list at a time.

    <item><g:id>7</g:id><title>Dress</title><size>S</size><size>M</size></item>
    → {"id": "7", "title": "Dress", "size": ["S", "M"]}

Names lose their namespace; what is repeated becomes a list. Entities and outside references
are refused, as they can make a small file fill the memory or read other files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from endcap.errors import SourceError
from endcap.importing.encoding import Text

ROWS = frozenset({"item", "entry", "offer", "product"})
"""What the elements of a list are called in RSS, in Atom and elsewhere."""

LARGEST = 32_000_000
"""Bytes of an element: what is in it is in memory at once."""


def read_markup(text: Text, path: Path, folder: Path) -> Text:
    """A copy of an XML file as JSON Lines. Raises SourceError where it is no XML, or no list."""
    import pyarrow as pa

    copy = folder / "markup.jsonl"
    with (
        pa.input_stream(str(text.path), compression=text.compression) as stream,
        copy.open("w", encoding="utf-8") as file,
    ):
        for row in _rows(stream, path):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    with copy.open("rb") as written:
        start = written.read(1 << 20)
    if not start:
        raise SourceError(
            f"{path} is XML without a list", expected="elements named item, entry or product"
        )
    return Text(copy, None, start, text.notes)


def _rows(stream: IO[bytes], path: Path) -> Iterator[dict[str, Any]]:
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser, ParseError, iterparse

    try:
        # `read_text` has made it UTF-8, whatever its first line says.
        parser = DefusedXMLParser(encoding="utf-8")
        open_: list[Any] = []
        bounded, rows = _Bounded(stream, path), 0
        for event, element in iterparse(bounded, ("start", "end"), parser):
            row = _name(element) in ROWS
            if event == "start":
                open_.append(element)
                rows += row
                continue
            open_.pop()
            rows -= row
            if row and not rows:
                yield _object(element)
            if open_ and not rows:
                open_[-1].remove(element)  # what is done is forgotten
                bounded.since = 0
    except (ParseError, DefusedXmlException, RecursionError, LookupError, ValueError) as error:
        raise SourceError(f"{path} cannot be read as XML: {error}") from error


class _Bounded:
    """A stream of which no more is read than `LARGEST` bytes without an element being done."""

    def __init__(self, stream: IO[bytes], path: Path) -> None:
        self._stream, self._path, self.since = stream, path, 0

    def read(self, size: int) -> bytes:
        self.since += size
        if self.since > LARGEST:
            raise SourceError(f"{self._path} has an element of more than {LARGEST:,} bytes")
        return bytes(self._stream.read(size))


def _object(element: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for child in element:
        name, value = _name(child), _value(child)
        if name in found:
            before = found[name] if isinstance(found[name], list) else [found[name]]
            found[name] = [*before, value]
        else:
            found[name] = value
    return found


def _value(element: Any) -> Any:
    """Objects for what has elements inside, else text; a link of Atom is an attribute."""
    if len(element):
        return _object(element)
    return (element.text or "").strip() or element.get("href")


def _name(element: Any) -> str:
    """
    >>> from xml.etree.ElementTree import Element
    >>> _name(Element("{http://base.google.com/ns/1.0}id"))
    'id'
    """
    return str(element.tag).rpartition("}")[2]
