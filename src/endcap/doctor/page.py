"""The page about what the doctor found: one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from endcap.doctor.pictures import drawn
from endcap.leaflet import template
from endcap.tables.atomic import atomic

FILE = "doctor.html"

_PAGE = template("endcap.doctor")


def write(folder: Path, found: Mapping[str, Any]) -> Path:
    """Put the page into the shop folder, whole or not at all."""
    path = folder / FILE
    with atomic(path) as draft:
        draft.write_text(page(found), encoding="utf-8")
    return path


def page(found: Mapping[str, Any]) -> str:
    """The HTML. found: what `examine` says."""
    checks = [{**one, "drawing": drawn(one["picture"])} for one in found["checks"]]
    by_status = {
        status: [one for one in checks if one["status"] == status]
        for status in ("fail", "warn", "pass")
    }
    empty = any(one["name"] == "events" for one in checks)
    return _PAGE.render(
        shop=found["shop"], counts=found["counts"], empty=empty, sentence=_sentence, **by_status
    )


def _sentence(detail: str) -> str:
    """A finding as a sentence; one that begins with the name of a file leaves it as it is.

    >>> _sentence("all is well"), _sentence("live.sqlite is whole")
    ('All is well.', 'live.sqlite is whole.')
    """
    first, _, _ = detail.partition(" ")
    return f"{detail if '.' in first else detail[:1].upper() + detail[1:]}."
