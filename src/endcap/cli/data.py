"""`endcap init`, `import` and `prepare`: from what a shop has to clean tables."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from endcap.cli.output import (
    JsonOption,
    ShopOption,
    answer,
    columns,
    key_and_value,
    open_shop,
    progress,
    shop_folder,
)

if TYPE_CHECKING:
    from rich.console import Console

    from endcap.config import Shop
    from endcap.importing.raw import Imported

Kind = Literal["events", "items", "users", "impressions", "triples"]


def register(app: typer.Typer) -> None:
    app.command("init")(init)
    app.command("import")(import_)
    app.command("prepare")(prepare)


def init(shop: ShopOption = None, json: JsonOption = False) -> None:
    """Write an endcap.toml with every setting explained; never over one that is there."""
    from endcap.cli.template import write

    path = write(shop_folder(shop))
    answer({"file": str(path)}, json, lambda _, console: console.print(f"Wrote {path}"))


def import_(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE…",
            help="Files, folders, patterns, s3:// or gs:// addresses, a database's address with "
            "?table=NAME, or completejourney: for the demo data.",
            show_default=False,
        ),
    ],
    kind: Annotated[
        Kind | None, typer.Option("--kind", help="What the rows are; found out when not given.")
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option("--format", metavar="NAME", help="The format; found out when not given."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="What a format has to be told."),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", metavar="FILE", help="A TOML file that says what columns mean."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Say what would be imported, and change nothing. Of a file that is not "
            "understood, propose a mapping.",
        ),
    ] = False,
    shop: ShopOption = None,
    json: JsonOption = False,
) -> None:
    """Import events, items, users, impressions or facts (triples): CSV, JSON, Parquet, and exports.

    Columns are understood by their usual names. All of a file is imported or nothing of it; the
    same file or event twice changes nothing.
    """
    from endcap.importing.mapping import load
    from endcap.importing.places import expand
    from endcap.sources import FilesError, Wanted, import_files

    new = not shop_folder(shop).is_dir()
    opened = open_shop(shop, new=True)
    folder = opened.tables
    settings = dict(key_and_value(one) for one in set_ or [])
    meaning = load(mapping) if mapping else None
    wanted = Wanted(kind, format_, settings, meaning, dry_run)
    names = (one for place in files for one in expand(place, folder))
    done: list[Imported] = []
    try:
        with progress() as report:
            for found in import_files(folder, names, wanted, report):
                done += found
    except FilesError as error:
        if dry_run and not json and not mapping:
            for name in error.files:
                _propose(folder, name)
        raise
    finally:
        if not dry_run:
            _overtake(opened, done)
            if new and done:
                print(f"{opened.folder} is a new shop folder.", file=sys.stderr)
        # What was imported beside a file that can't be is imported, and said so.
        if done:
            answer(_counts(done) if json else done, json, _show)


def _propose(folder: Path, name: str) -> None:
    """Print a mapping, where one can be made of the file."""
    from endcap.errors import SourceError
    from endcap.sources import proposed

    with suppress(SourceError):
        print(proposed(folder, name))


def prepare(
    engine: Annotated[
        Literal["duckdb", "spark"], typer.Option("--engine", help="What does the work.")
    ] = "duckdb",
    shop: ShopOption = None,
    json: JsonOption = False,
) -> None:
    """Clean, check and split what was imported, and report on it."""
    from endcap.cli.data_report import show
    from endcap.store.compact import into_tables
    from endcap.tables.prepare import prepare as prepare_

    opened = open_shop(shop)
    into_tables(opened)
    with progress() as report:
        found = prepare_(opened, report, engine)
    answer(found, json, show)


def _overtake(shop: Shop, done: list[Imported]) -> None:
    """What an import says of an item counts from now on, whatever the service was told before."""
    from endcap.store.items import overtake

    for one in done:
        if one.extract.kind == "items":
            for path in (shop.tables / "items").glob(f"*-{one.origin.digest}.parquet"):
                overtake(shop.live, path)


def _counts(done: list[Imported]) -> dict[str, Any]:
    """As scripts read it."""
    return {
        "files": [
            {
                "path": one.origin.path,
                "format": one.origin.format,
                "kind": one.extract.kind,
                "read": one.read,
                "kept": one.kept,
                "duplicates": one.duplicates,
                "dropped": dict(one.dropped),
            }
            for one in done
        ]
    }


def _show(done: list[Imported], console: Console) -> None:
    for one in done:
        title = f"{Path(one.origin.path).name.rstrip(':')}: {one.kept:,} {one.extract.kind} kept"
        console.print(columns(_story(one), title=title), end="\n\n")


def _story(one: Imported) -> dict[str, str]:
    """What happened to a file, line by line."""
    lines = {"read": f"{one.read:,} rows, format {one.origin.format}"}
    lines |= {f"  {ours}": f"← {theirs}" for ours, theirs in one.extract.mapping.items()}
    lines["kept"] = f"{one.kept:,}"
    if one.duplicates:
        lines["duplicates"] = f"{one.duplicates:,}, the same as rows that are there already"
    for reason, count in one.dropped.items():
        lines[f"dropped: {reason.replace('_', ' ')}"] = f"{count:,}"
    return lines | {f"note {place}": note for place, note in enumerate(one.notes, start=1)}
