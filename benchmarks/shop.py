"""A prepared shop for a benchmark."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from endcap.config import FILE, Shop
from endcap.sources import import_file
from endcap.tables.prepare import prepare
from endcap.types import Report, silent

LEAVE_ONE_OUT = '[split]\nprotocol = "leave-one-out"\n'


def opened(
    folder: Path, settings: str, sources: Iterable[Path | str | None], report: Report = silent
) -> Shop:
    """A shop with the logs and catalogues that there are; what was imported already stays.

    settings: the text of its endcap.toml.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(settings)
    shop = Shop.open(folder)
    for source in sources:
        if source is not None:
            import_file(shop.tables, str(source), report=report)
    prepare(shop, report)
    return shop
