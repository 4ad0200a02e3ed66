"""`endcap backup` and `endcap restore`: a copy of the shop, made while the service runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from endcap.cli.output import (
    JsonOption,
    ShopOption,
    answer,
    open_shop,
    progress,
    shop_folder,
    written_down,
)

if TYPE_CHECKING:
    from rich.console import Console


def register(app: typer.Typer) -> None:
    app.command("backup")(backup)
    app.command("restore")(restore)


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder for the copy.")],
    shop: ShopOption = None,
    json: JsonOption = False,
) -> None:
    """Copy settings, tables, releases and the store, with a checksum for each file.

    The service may go on; the copy is as of one moment.
    """
    from endcap.store.backup import backup as backup_

    opened = open_shop(shop)
    with progress() as report:
        found = backup_(opened, folder.resolve(), report)
    written_down(opened, "backup", str(folder))
    answer({"folder": str(folder), **_summary(found)}, json, _show)


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A backup.")],
    force: Annotated[
        bool, typer.Option("--force", help="Lose what the shop folder and the store hold now.")
    ] = False,
    shop: ShopOption = None,
    json: JsonOption = False,
) -> None:
    """Make the shop what it was when the backup was taken; a running service follows.

    Nothing is changed unless every file of the backup has its checksum.
    """
    from endcap.store.backup import restore as restore_

    shop_folder(shop).mkdir(parents=True, exist_ok=True)
    opened = open_shop(shop)
    with progress() as report:
        found = restore_(opened, folder.resolve(), force=force, report=report)
    written_down(opened, "restore", str(folder))
    answer({"folder": str(folder), **_summary(found)}, json, _show)


def _summary(found: dict[str, Any]) -> dict[str, Any]:
    return {"files": len(found["files"]), "rows": found["rows"], "created_at": found["created_at"]}


def _show(found: dict[str, Any], console: Console) -> None:
    rows = ", ".join(f"{count:,} {name}" for name, count in found["rows"].items() if count)
    console.print(
        f"{found['files']:,} files; in the store: {rows or 'nothing'}",
        highlight=False,
    )
