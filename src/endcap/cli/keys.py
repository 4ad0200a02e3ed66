"""`endcap keys` and `endcap audit`: who may call the service, and what administrators did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from endcap.cli.output import JsonOption, ShopOption, account, answer, open_shop

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from endcap.store.keys import Keys

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="What stands after ek_ in the key.")]


def register(app: typer.Typer) -> None:
    keys = typer.Typer(help="Keys for the HTTP service.", no_args_is_help=True)
    keys.command("create")(create)
    keys.command("list")(list_)
    keys.command("revoke")(revoke)
    keys.command("rotate")(rotate)
    app.add_typer(keys, name="keys")
    app.command("audit")(audit)


def create(
    scope: Annotated[
        Literal["collect", "recommend", "admin"],
        typer.Option(
            "--scope",
            help="collect may only send events; recommend may only read recommendations; "
            "admin may do everything.",
        ),
    ],
    note: Annotated[str, typer.Option("--note", help="What it is for, to know it again.")] = "",
    shop: ShopOption = None,
    json: JsonOption = False,
) -> None:
    """Create a key. It is shown once."""
    with _keys(shop) as keys:
        made = keys.create(scope, note, account())
    answer({"key": made, "scope": scope, "note": note}, json, _show_new)


def list_(shop: ShopOption = None, json: JsonOption = False) -> None:
    """All keys, without their secrets."""
    with _keys(shop) as keys:
        found = [
            {
                "id": key.id,
                "scope": key.scope,
                "note": key.note,
                "created_at": _time(key.created_at),
                "ends_at": key.ends_at and _time(key.ends_at),
            }
            for key in keys.all().values()
        ]
    answer({"keys": found}, json, _show_keys)


def revoke(id_: IdArgument, shop: ShopOption = None, json: JsonOption = False) -> None:
    """End a key. The service refuses it within a second."""
    with _keys(shop) as keys:
        keys.revoke(id_, account())
    answer({"revoked": id_}, json, lambda found, console: console.print(f"{id_} has ended."))


def rotate(
    id_: IdArgument,
    hours: Annotated[
        float, typer.Option("--hours", min=0, max=8_760, help="How long the old one goes on.")
    ] = 0.0,
    shop: ShopOption = None,
    json: JsonOption = False,
) -> None:
    """Create a key in place of another, with the same scope and note."""
    with _keys(shop) as keys:
        made = keys.rotate(id_, account(), hours)
    answer({"key": made, "in_place_of": id_}, json, _show_new)


def audit(
    n: Annotated[int, typer.Option("-n", min=1, max=100_000, help="Newest actions.")] = 100,
    shop: ShopOption = None,
    json: JsonOption = False,
) -> None:
    """What was done with the power to administer: when, by whom, newest first."""
    with _keys(shop) as keys:
        acts = [{**act._asdict(), "time": _time(act.time)} for act in keys.acts(n)]
    answer({"acts": acts}, json, _show_acts)


@contextmanager
def _keys(shop: Path | None) -> Iterator[Keys]:
    from endcap.store.keys import Keys

    with closing(Keys.open(open_shop(shop).live)) as keys:
        yield keys


def _time(moment: int) -> str:
    return datetime.fromtimestamp(moment // 1_000_000, UTC).isoformat().replace("+00:00", "Z")


def _show_new(found: dict[str, Any], console: Console) -> None:
    console.print(found["key"], highlight=False, soft_wrap=True)
    console.print("Keep it now: it is not shown again. Send it as `Authorization: Bearer KEY`.")


def _show_keys(found: dict[str, Any], console: Console) -> None:
    if not found["keys"]:
        console.print("There are no keys yet. Run `endcap keys create`.")
    for key in found["keys"]:
        until = f"ends {key['ends_at']}" if key["ends_at"] else ""
        line = f"{key['id']}  {key['scope']:<9}  {key['created_at']}  {until}  {key['note']}"
        console.print(line.rstrip(), highlight=False)


def _show_acts(found: dict[str, Any], console: Console) -> None:
    if not found["acts"]:
        console.print("Nothing has been done yet.")
    for act in found["acts"]:
        line = f"{act['time']}  {act['by']}  {act['action']}  {act['what']}"
        console.print(line, highlight=False)
