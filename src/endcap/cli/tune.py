"""`endcap tune`: better settings, found by trying."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from endcap.cli.output import JsonOption, ShopOption, answer, open_shop, progress

if TYPE_CHECKING:
    from rich.console import Console


def register(app: typer.Typer) -> None:
    app.command("tune")(tune)


def tune(
    trials: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Trials in all, earlier runs' too; 50 without --timeout."
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(min=1, metavar="S", help="Seconds after which this run stops."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="GROUP",
            help="What to search, such as retrievers.sequence or join; may be repeated.",
        ),
    ] = None,
    shop: ShopOption = None,
    json: JsonOption = False,
) -> None:
    """Look for better settings on the validation part, and write them to tune/best.toml.

    Stopped or interrupted, the same command goes on. `endcap fit --config tune/best.toml` measures
    what was found.
    """
    from endcap.experiment.tune import tune as tune_

    opened = open_shop(shop)
    with progress() as report:
        found = tune_(opened, only=only or (), trials=trials, timeout=timeout, report=report)
    answer(found, json, _show)


def _show(found: dict[str, Any], console: Console) -> None:
    from endcap.cli.figures import difference, figure

    given_up = f", {found['given_up']} given up early" if found["given_up"] else ""
    trials = f"\n[bold]{found['trials']} trials[/]{given_up}; stopped by {found['stopped']}"
    console.print(trials, markup=True)
    console.print(f"  {'as it is':14} {figure(found['present'])} {found['metric']}")
    console.print(f"  {'best':14} {figure(found['best'])}")
    console.print(f"  {'gain':14} {difference(found['gain'])}")
    for key, change in found["changes"].items():
        console.print(f"  {key}: {change['present']} → {change['best']}")
    console.print(f"  Written: {found['config']}, {found['report']}")
