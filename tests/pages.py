"""Code that pages of the docs print, for tests that run it as it stands there."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


def blocks(page: str, language: str) -> list[str]:
    """Of a page below `docs`, in their order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.S | re.M)


def own_code(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the page's one file of Python be there to be imported, where its first line says."""
    (code,) = blocks(page, "python")
    path = folder / code.splitlines()[0].removeprefix("# ")
    path.parent.mkdir()
    path.write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    sys.modules.pop("my_shop", None)
