"""`endcap schedule` and `endcap shadow`: releases that follow the shop, and ones on trial."""

from __future__ import annotations

import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from endcap.cli.output import (
    JsonOption,
    ShopOption,
    answer,
    failure,
    open_shop,
    progress,
    written_down,
)

if TYPE_CHECKING:
    from rich.console import Console

    from endcap.config import Shop

LONGEST = 60.0
"""Seconds between looks at the clock, which people and summer time may change."""


def register(app: typer.Typer) -> None:
    app.command("schedule")(schedule)
    app.command("shadow")(shadow)


def schedule(
    once: Annotated[
        bool, typer.Option("--once", help="One pass now, then end: for cron and the like.")
    ] = False,
    shop: ShopOption = None,
    json: JsonOption = False,
) -> None:
    """Fit anew at the times of [schedule], and go live if that is better.

    A pass takes live events to the tables, prepares, fits and measures. An interrupted one is
    gone on with by the next.
    """
    if once:
        answer(_pass(open_shop(shop)), json, _show_pass)
        return
    while True:
        # Opened anew each time: settings may have changed.
        _wait(open_shop(shop))
        try:
            answer(_pass(open_shop(shop)), json, _show_pass)
        except Exception as error:
            if (why := failure(error)) is None:
                raise
            print(f"This pass failed: {why}", file=sys.stderr, flush=True)


def _pass(shop: Shop) -> dict[str, Any]:
    from endcap.experiment.schedule import once

    with progress() as report:
        found = once(shop, report)
    written_down(shop, "schedule", f"{found['release']} {'live' if found['live'] else 'not live'}")
    return found


def _wait(shop: Shop) -> None:
    from endcap.experiment.schedule import due

    moment = due(shop.config.schedule, datetime.now())
    print(f"The next pass begins at {moment:%Y-%m-%d %H:%M}.", file=sys.stderr, flush=True)
    while (left := (moment - datetime.now()).total_seconds()) > 0:
        time.sleep(min(left, LONGEST))


def shadow(
    release: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="The release to try.")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="End the trial.")] = False,
    shop: ShopOption = None,
    json: JsonOption = False,
) -> None:
    """Have a release answer in the background what the live one is asked; it is never shown.

    Without an ID: what the comparisons have come to.
    """
    from contextlib import closing

    from endcap.store.releases import Releases
    from endcap.store.shadows import Shadows

    if release and off:
        raise typer.BadParameter("give an ID or --off, not both")
    opened = open_shop(shop)
    releases = Releases(opened.releases)
    if release or off:
        releases.cast(None if off else release)
        written_down(opened, "shadow", "off" if off else str(release))
    with closing(Shadows.open(opened.live)) as shadows:
        found = {"shadow": releases.shadow(), "compared": shadows.summary()}
    answer(found, json, _show_shadow)


def _show_pass(found: dict[str, Any], console: Console) -> None:
    state = "is live" if found["live"] else "does not go live"
    console.print(f"{found['release']} {state}: {found['why']}.", highlight=False)


def _show_shadow(found: dict[str, Any], console: Console) -> None:
    console.print(f"Shadow: {found['shadow'] or 'none'}", highlight=False)
    for row in found["compared"]:
        same = "" if row["overlap"] is None else f"{row['overlap']:.0%} of the items the same, "
        console.print(
            f"{row['shadow']} beside {row['release']} at {row['placement']}: {row['answers']:,} "
            f"answers, {same}{row['first']:.0%} begin alike, {row['failed']:,} failed",
            highlight=False,
        )
