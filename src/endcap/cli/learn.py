"""`endcap fit`, `evaluate`, `compare` and the releases: from clean tables to a live system."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from endcap.cli.output import (
    JsonOption,
    ReleaseOption,
    ShopOption,
    answer,
    open_shop,
    progress,
    written_down,
)


def register(app: typer.Typer) -> None:
    commands: list[Callable[..., None]] = [fit, evaluate, compare, releases, promote, rollback]
    for command in commands:
        app.command()(command)


def fit(
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Instead of endcap.toml.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting to change; may be repeated."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume/--fresh", help="Go on with an interrupted fit, or begin anew."),
    ] = True,
    no_refit: Annotated[
        bool, typer.Option("--no-refit", help="Do not fit once more on everything.")
    ] = False,
    go_on: Annotated[
        bool,
        typer.Option("--continue", help="Deep models go on from the live release's weights."),
    ] = False,
    shop: ShopOption = None,
    json: JsonOption = False,
) -> None:
    """Train, choose by the validation part, measure on the test part, and write a release.

    It goes live where it beats the baselines and the release that is live.
    """
    from endcap.cli.figures import show_fit
    from endcap.experiment.fit import fit as fit_
    from endcap.experiment.gate import promote_if_better
    from endcap.nn import processes

    opened = open_shop(shop, set_ or (), file=config)
    with progress() as report:
        manifest = fit_(opened, refit=not no_refit, resume=resume, go_on=go_on, report=report)
    if processes.rank():
        return  # the first of several processes speaks for all
    verdict = promote_if_better(opened, manifest["release"])
    keys = ("release", "metrics", "joins", "event_weights", "refit", "seconds", "protocol")
    answer({**{key: manifest[key] for key in keys}, **verdict}, json, show_fit)


def evaluate(
    release: ReleaseOption = None,
    cutoffs: Annotated[
        str | None, typer.Option("--cutoffs", metavar="5,10,20", help="Lengths to judge lists at.")
    ] = None,
    include_seen: Annotated[
        bool, typer.Option("--include-seen", help="Also offer what the visitor has taken before.")
    ] = False,
    slices: Annotated[
        bool, typer.Option("--slices", help="Also show parts of the visitors and items.")
    ] = False,
    rankings: Annotated[
        Path | None,
        typer.Option("--rankings", metavar="FILE", help="Also write the lists (.parquet or .csv)."),
    ] = None,
    shop: ShopOption = None,
    json: JsonOption = False,
) -> None:
    """Judge a release on the test part: all items ranked, with intervals, beside the baselines."""
    from functools import partial

    from endcap.cli.figures import show_evaluation
    from endcap.cli.output import check_table, whole_numbers, write_table
    from endcap.experiment.gate import evaluate_release

    opened = open_shop(shop)
    lengths = whole_numbers(cutoffs, "--cutoffs") if cutoffs else None
    if rankings is not None:
        check_table(rankings)
    with progress() as report:
        found = evaluate_release(
            opened,
            release,
            cutoffs=lengths,
            include_seen=include_seen,
            lists=rankings is not None,
            report=report,
        )
    if rankings is not None:
        write_table(found.lists, rankings)
    answer(found.report, json, partial(show_evaluation, slices=slices))


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A release.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another, asked the same questions.")],
    shop: ShopOption = None,
    json: JsonOption = False,
) -> None:
    """The difference A − B over the same questions, with interval and p-value."""
    from endcap.cli.figures import show_comparison
    from endcap.experiment.gate import compare as compare_

    answer(compare_(open_shop(shop), a, b), json, show_comparison)


def releases(shop: ShopOption = None, json: JsonOption = False) -> None:
    """List the releases, oldest first, and say which is live."""
    from endcap.cli.figures import show_releases
    from endcap.store.releases import Releases

    known = Releases(open_shop(shop).releases)
    live = known.live()
    rows = [{**known.manifest(name), "live": name == live} for name in known.names()]
    for row in rows:
        row.pop("files", None)
    answer({"releases": rows}, json, show_releases)


def promote(
    release: Annotated[str, typer.Argument(metavar="ID", help="The release to make live.")],
    force: Annotated[
        bool, typer.Option("--force", help="Even where it does not beat the baselines or the live.")
    ] = False,
    shop: ShopOption = None,
    json: JsonOption = False,
) -> None:
    """Make a release live."""
    from endcap.cli.figures import show_live
    from endcap.experiment.gate import promote as promote_

    opened = open_shop(shop)
    promote_(opened, release, force=force)
    written_down(opened, "promote", f"{release} --force" if force else release)
    answer({"live": release}, json, show_live)


def rollback(shop: ShopOption = None, json: JsonOption = False) -> None:
    """Go back to the release that was live before."""
    from endcap.cli.figures import show_live
    from endcap.store.releases import Releases

    opened = open_shop(shop)
    live: Any = Releases(opened.releases).rollback()
    written_down(opened, "rollback", live)
    answer({"live": live}, json, show_live)
