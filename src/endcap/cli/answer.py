"""`endcap recommend`, `similar` and `explain`: lists without a server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from endcap.cli.output import (
    JsonOption,
    ReleaseOption,
    ShopOption,
    answer,
    check_table,
    given_id,
    open_shop,
    progress,
    write_table,
)

if TYPE_CHECKING:
    from rich.console import Console

NumberOption = Annotated[int, typer.Option("-n", min=1, max=1_000, help="Length of a list.")]

LINES, NAMED = 200, 5
"""Rows that a terminal is given, and unknown users that are named."""


def register(app: typer.Typer) -> None:
    app.command("recommend")(recommend)
    app.command("similar")(similar)
    app.command("explain")(explain)


def recommend(
    user: Annotated[
        str | None, typer.Option("--user", metavar="ID", help="One user.", callback=given_id)
    ] = None,
    users: Annotated[
        Path | None, typer.Option("--users", metavar="FILE", help="Users, one id a line.")
    ] = None,
    all_users: Annotated[bool, typer.Option("--all-users", help="All users of the log.")] = False,
    n: NumberOption = 10,
    release: ReleaseOption = None,
    include_seen: Annotated[
        bool, typer.Option("--include-seen", help="Also offer what the user has taken before.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="A .parquet or .csv file.")
    ] = None,
    shop: ShopOption = None,
    json: JsonOption = False,
) -> None:
    """Recommend to users after all that the log holds."""
    from endcap.experiment.batch import recommend as recommend_

    if sum([user is not None, users is not None, all_users]) != 1:
        raise typer.BadParameter("give exactly one of --user, --users and --all-users")
    if out is not None:
        check_table(out)
    ids = [user] if user is not None else _lines(users) if users is not None else None
    with progress() as report:
        lists = recommend_(
            open_shop(shop),
            ids,
            n,
            release,
            include_seen=include_seen,
            unknown=_tell_unknown,
            report=report,
        )
    if out is not None:
        write_table(lists.drop(["title"]), out)
    wide = lists if out is None else lists.slice(0, 0)
    summary = {"rows": lists.num_rows, "file": out and str(out), "lists": wide.to_pylist()}
    answer(summary, json, _show)


def similar(
    item: Annotated[
        str,
        typer.Option("--item", metavar="ID", help="The item to start from.", callback=given_id),
    ],
    n: NumberOption = 10,
    release: ReleaseOption = None,
    shop: ShopOption = None,
    json: JsonOption = False,
) -> None:
    """Items that go with an item."""
    from endcap.experiment.batch import similar as similar_

    lists = similar_(open_shop(shop), item, n, release)
    summary = {"rows": lists.num_rows, "file": None, "lists": lists.to_pylist()}
    answer(summary, json, _show)


def explain(
    user: Annotated[str, typer.Option("--user", metavar="ID", help="To whom.", callback=given_id)],
    item: Annotated[str, typer.Option("--item", metavar="ID", help="What.", callback=given_id)],
    n: NumberOption = 10,
    placement: Annotated[
        str, typer.Option("--placement", help="Where in the shop the list stands.")
    ] = "home",
    release: ReleaseOption = None,
    shop: ShopOption = None,
    json: JsonOption = False,
) -> None:
    """Why an item is, or is not, recommended: what forbids it, who proposes it, each step."""
    from endcap.experiment.batch import explain as explain_
    from endcap.serve.reasons import why_shown

    why = explain_(open_shop(shop), user, item, n, placement, release, unknown=_tell_unknown)
    answer(why_shown(item, why, n), json, _show_why)


def _show_why(found: dict[str, Any], console: Console) -> None:
    console.print(found["text"])
    for name, place in found["proposed_by"].items():
        console.print(f"{name} proposes it at place {place}")
    for step in found["steps"]:
        console.print(f"after {step['step']}: place {step['place'] or 'none'}")


def _lines(path: Path) -> list[str]:
    from endcap.errors import SourceError

    try:
        return [line.strip() for line in path.read_text("utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} cannot be read: {error}", expected="one id a line") from error


def _show(found: dict[str, Any], console: Console) -> None:
    from rich.text import Text

    if found["file"]:
        console.print(f"Wrote {found['rows']:,} rows to {found['file']}")
    for row in found["lists"][:LINES]:
        who = f"{row['user_id']}  " if row.get("user_id") else ""
        line = Text(f"{who}{row['rank']:>3}  {row['title'] or row['item_id']}  ")
        console.print(line.append(row["item_id"], "dim"))
    if (more := len(found["lists"]) - LINES) > 0:
        console.print(f"… and {more:,} rows more; --out FILE writes all of them")


def _tell_unknown(ids: list[str]) -> None:
    """Who is asked about and never did anything gets an answer; a typing error looks the same."""
    some = ", ".join(ids[:NAMED]) + (f" and {len(ids) - NAMED:,} more" if ids[NAMED:] else "")
    print(f"Not in the log, and so shown what strangers are: {some}", file=sys.stderr)
