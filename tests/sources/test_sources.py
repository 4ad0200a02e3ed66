"""Formats are found by walking the folder, and never guessed."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import endcap.sources
from endcap.errors import SourceError
from endcap.sources import import_file, sources

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "import.md"

TWIN = """
from endcap.sources.plain import read

def recognises(given):
    return {sure}
"""


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,ts\nu,i,1433221332\n")
    return str(path)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose modules are formats too."""
    place = tmp_path / "formats"
    place.mkdir()
    monkeypatch.setattr(endcap.sources, "__path__", [*endcap.sources.__path__, str(place)])
    yield place
    sys.modules.pop("endcap.sources.twin", None)


def test_all_formats_are_found() -> None:
    assert {"completejourney", "plain", "retailrocket"} <= sources().keys()


def test_one_new_file_is_a_new_format(tmp_path: Path, folder: Path, log: str) -> None:
    (folder / "twin.py").write_text(TWIN.format(sure=0.9))
    (found,) = import_file(tmp_path / "t", log)
    assert found.origin.format == "twin"


def test_the_format_that_the_guide_adds(tmp_path: Path, folder: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    (folder / "twin.py").write_text(code, encoding="utf-8")
    (tmp_path / "till.csv").write_text("card,plu,rung_up,line_kind\nu,i,1433221332,sale\n")
    (found,) = import_file(tmp_path / "t", str(tmp_path / "till.csv"))
    assert (found.origin.format, found.kept) == ("twin", 1)


def test_two_that_are_equally_sure_are_asked_about(tmp_path: Path, folder: Path, log: str) -> None:
    (folder / "twin.py").write_text(TWIN.format(sure=0.5))
    with pytest.raises(SourceError, match=r"may be plain or twin. Say which with --format"):
        import_file(tmp_path / "t", log)
    (found,) = import_file(tmp_path / "t", log, format_="plain")
    assert found.origin.format == "plain"


def test_an_unknown_format_is_refused(tmp_path: Path, log: str) -> None:
    with pytest.raises(SourceError, match=r"no format 'excel'.*'plain'"):
        import_file(tmp_path / "t", log, format_="excel")
