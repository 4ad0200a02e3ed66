"""A file appears whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """The draft of a file, which takes the file's place when it has been written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}")
    yield draft
    os.replace(draft, path)


def replace(path: Path, text: str) -> None:
    """Have another text in a file, whole or not at all, even if the power fails."""
    with atomic(path) as draft:
        draft.write_text(text, encoding="utf-8")
        sync(draft)


def sync(path: Path) -> None:
    """Wait until the disk has a file, or the names in a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
