"""`endcap forget`: a person is erased everywhere."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from endcap.cli.output import JsonOption, ShopOption, answer, columns, given_id, open_shop

if TYPE_CHECKING:
    from rich.console import Console


def register(app: typer.Typer) -> None:
    app.command("forget")(forget)


def forget(
    user: Annotated[str, typer.Option("--user", metavar="ID", help="Whom.", callback=given_id)],
    shop: ShopOption = None,
    json: JsonOption = False,
) -> None:
    """Erase a person everywhere, and print a certificate of it: what was erased where, and what
    the releases still hold."""
    from endcap.experiment.forget import forget as forget_
    from endcap.store.people import People

    opened = open_shop(shop)
    with closing(People.open(opened.live)) as people:
        certificate = forget_(opened, user, people)
    answer(certificate, json, _show)


def _show(certificate: dict[str, Any], console: Console) -> None:
    rows = {place["where"]: f"{place['rows']:,} rows erased" for place in certificate["erased"]}
    console.print(columns(rows or {"nothing": "was held"}, title="Forgotten"), end="\n\n")
    for release in certificate["releases"]:
        held = release["holds"]
        if isinstance(held, dict):
            held = "; ".join(f"{name}: {what}" for name, what in held.items())
        console.print(f"Release {release['release']} holds {held}")
    for name in certificate["found_elsewhere"]:
        console.print(f"Still named in {name}, which is yours to erase")
    if left := certificate["left_in_the_store"]:
        console.print(f"Left in the store: {left}")
    console.print(f"Certificate {certificate['certificate']}, digest {certificate['digest']}")
