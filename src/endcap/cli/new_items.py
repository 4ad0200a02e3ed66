"""`endcap new-items`: how those fare that came lately."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from endcap.cli.output import JsonOption, ShopOption, answer, open_shop

if TYPE_CHECKING:
    from rich.console import Console

BESIDE = {"above": "more than usual", "below": "less than usual", "unclear": ""}


def register(app: typer.Typer) -> None:
    app.command("new-items")(new_items)


def new_items(
    days: Annotated[float, typer.Option(min=0, help="Days that an item is new.")] = 28,
    graduates: Annotated[
        int, typer.Option(min=0, help="Events with which it stands on its own.")
    ] = 50,
    shop: ShopOption = None,
    json: JsonOption = False,
) -> None:
    """How new items fare: how often they were shown, and what came of it."""
    from endcap.experiment.new_items import new_items as found

    answer(found(open_shop(shop), days, graduates), json, _show)


def _show(found: dict[str, Any], console: Console) -> None:
    from rich.table import Table

    if not found["items"]:
        console.print(f"No item came in the last {found['days']:g} days of the log.")
        return
    if found["usual"] is not None:
        console.print(f"Usually {found['usual']:.1%} of what is shown is answered.\n")
    table = Table(box=None, pad_edge=False)
    for title in ("since", "item", "", "shown", "answered", "events", "taken", ""):
        number = title in ("shown", "answered", "events", "taken")
        table.add_column(title, justify="right" if number else "left", overflow="fold")
    for row in found["items"]:
        table.add_row(*_cells(row))
    console.print(table)
    console.print(f"\n* has graduated: {found['graduates']} events or more")


def _cells(row: dict[str, Any]) -> list[Any]:
    from rich.text import Text

    own = row["answered"]
    rate = (
        "" if own["value"] is None else f"{own['value']:.1%} ({own['low']:.1%}–{own['high']:.1%})"
    )
    mark = "*" if row["graduated"] else " "
    return [
        row["since"][:10],
        Text(f"{mark} {row['item_id']}"),
        Text(row["title"] or ""),
        f"{row['shown']:,}",
        rate,
        f"{row['events']:,}",
        f"{row['taken']:,}",
        BESIDE[row["beside_usual"]],
    ]
