"""`endcap doctor`: whether everything is as it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from endcap.cli.output import JsonOption, ShopOption, answer, open_shop, progress

if TYPE_CHECKING:
    from rich.console import Console


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(
    data: Annotated[
        bool,
        typer.Option("--data", help="Look at every imported row too, and write doctor.html."),
    ] = False,
    shop: ShopOption = None,
    json: JsonOption = False,
) -> None:
    """Check installation, settings, store and data, and say how to mend what is wrong.

    The exit code is 1 where something fails; what is only worth a look is no failure.
    """
    from endcap.doctor import examine
    from endcap.doctor.page import write

    opened = open_shop(shop)
    with progress() as report:
        found = examine(opened, deep=data, report=report)
    found["page"] = str(write(opened.folder, found)) if data else None
    answer(found, json, _show)
    if found["status"] == "fail":
        raise typer.Exit(1)


def _show(found: dict[str, Any], console: Console) -> None:
    """A line for each check, those that have something to say with examples and what helps."""
    from rich.table import Table
    from rich.text import Text

    from endcap.cli.data_report import MARKS

    table = Table.grid(padding=(0, 2, 0, 0))
    for one in found["checks"]:
        mark, style = MARKS[one["status"]]
        said = Text(one["detail"], "dim" if one["status"] == "pass" else "")
        if one["status"] != "pass":
            for row in one["examples"][:3]:
                said.append("\n" + "  ".join(f"{key} {value}" for key, value in row.items()), "dim")
            if one["repair"]:
                said.append(f"\n{one['repair']}", "cyan")
        table.add_row(Text(mark, style), Text(one["name"].replace("_", " ")), said)
    console.print(table)
    if found["page"]:
        console.print(f"\nWith pictures: {found['page']}", highlight=False, soft_wrap=True)
    else:
        console.print("\n[dim]endcap doctor --data looks at every imported row too.[/]")
