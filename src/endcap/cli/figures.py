"""How figures look on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SHOWN = ("ndcg@10", "hit_rate@10", "recall@10", "mrr@10", "coverage@10", "diversity@10")


def show_fit(found: dict[str, Any], console: Console) -> None:
    """The release, its main figures, and whether it is live."""
    release = f"\n[bold]Release {found['release']}[/], fitted in {found['seconds']:.0f} s"
    console.print(release, markup=True)
    for name in SHOWN:
        console.print(f"  {name:14} {figure(found['metrics'][name])}")
    for placement, ways in found["joins"].items():
        for way, gain in ways.items():
            console.print(f"  lists of {placement} joined by {way}: ndcg@10 {difference(gain)}")
    show_event_weights(found["event_weights"], console)
    state = "Live" if found["live"] else "Not live"
    console.print(f"  {state}: {found['why']}.")


def show_event_weights(found: dict[str, Any], console: Console) -> None:
    """How much an event of each type says, where the log has several."""
    if len(found) > 1:
        parts = (f"{name} {_event_weight(one)}" for name, one in found.items())
        console.print(f"  Weights of event types: {', '.join(parts)}.")


def _event_weight(one: dict[str, Any]) -> str:
    """With half the width of its interval where it was learned."""
    learned = one["learned"]
    own = one["weight"] == learned["value"] and learned["low"] < learned["high"]
    return figure(learned) if own else f"{one['weight']:g}"


def show_evaluation(found: dict[str, Any], console: Console, *, slices: bool) -> None:
    """A table for each task: the system above its baselines."""
    protocol = found["protocol"]
    console.print(
        f"\n[bold]Release {found['release']}[/] on the {protocol['judged_on']} part "
        f"({protocol['split']}), all {protocol['catalogue']:,} items ranked",
        markup=True,
    )
    for name, task in found["tasks"].items():
        _task(name, task, console)
        if "reliability" in task:
            show_reliability(task["reliability"], console)
        if slices:
            _slices(task, console)
    for placement, weights in found["weights"].items():
        for what, each in weights.items():
            parts = ", ".join(f"{name} {weight:.2g}" for name, weight in each.items() if weight)
            if parts:
                console.print(f"Weights of the {what} on {placement}: {parts}.")
    ranker = found["ranker"]
    console.print(f"The ranker {ranker} helps." if ranker else "No ranker: none helped.")


def _task(name: str, task: dict[str, Any], console: Console) -> None:
    """The system and its baselines, with as many metrics as there is room for."""
    shown = SHOWN[: max(1, min(4, (console.width - 52) // 18))]
    title = f"{name.replace('_', ' ')}: {task['queries']:,} questions"
    table = _table(title, "", *shown, "system better by")
    rows = {"system": task["metrics"], **task["baselines"]}
    for title, metrics in rows.items():
        cells = [figure(metrics[metric]) for metric in shown]
        style = "bold" if title == "system" else ""
        table.add_row(title, *cells, _short(task["differences"].get(title)), style=style)
    console.print("", table, sep="\n")


def _slices(task: dict[str, Any], console: Console) -> None:
    """ndcg@10 of the system and its baselines, by who asks and how known the answers are."""
    titles = [key for key in next(iter(task["slices"].values())) if key != "queries"]
    table = _table("ndcg@10 by slice", "", "questions", *titles)
    for name, one in task["slices"].items():
        cells = (figure(one[title]) for title in titles)
        table.add_row(name, f"{one['queries']:,}", *cells)
    console.print("", table, sep="\n")


def show_reliability(found: dict[str, Any], console: Console) -> None:
    """How often items were taken that were called so likely."""
    title = "How likely the listed items were called, and how often they were taken"
    table = _table(title, "called", "taken", "items")
    for one in found["bins"]:
        table.add_row(f"{one['predicted']:.2%}", f"{one['observed']:.2%}", f"{one['count']:,}")
    table.add_row(
        f"{found['predicted']:.2%}", f"{found['observed']:.2%}", f"{found['items']:,}", style="bold"
    )
    error, brier = found["expected_calibration_error"], found["brier"]
    table.caption = f"Expected calibration error {error:.4f}, Brier score {brier:.4f}"
    console.print("", table, sep="\n")


def _table(title: str, *columns: str) -> Table:
    """Figures stand to the right, and what they are of, under no name, to the left."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 1))
    for column in columns:
        table.add_column(column, justify="right" if column else "left")
    return table


def show_comparison(found: dict[str, Any], console: Console) -> None:
    """Each metric's difference with its interval and p-value."""
    two = f"\n[bold]{found['a']} − {found['b']}[/], {found['queries']:,} questions"
    console.print(two, markup=True)
    for task, metrics in found["tasks"].items():
        console.print(f"\n{task}")
        for name in SHOWN:
            if name in metrics:
                console.print(f"  {name:14} {difference(metrics[name])}")


def show_releases(found: dict[str, Any], console: Console) -> None:
    """A line each, the live one marked."""
    for row in found["releases"]:
        mark = "[bold green]live[/]" if row["live"] else "    "
        line = f"{mark}  {row['release']}  ndcg@10 {figure(row['metrics']['ndcg@10'])}"
        console.print(line, markup=True)
    if not found["releases"]:
        console.print("There are no releases yet. Run `endcap fit`.")


def show_live(found: dict[str, Any], console: Console) -> None:
    console.print(f"Release {found['live']} is live.")


def figure(value: dict[str, Any]) -> str:
    """A mean and half the width of its interval."""
    if value["value"] is None:
        return "–"
    if value["low"] is None:
        return f"{value['value']:.4f}"
    return f"{value['value']:.4f} ± {(value['high'] - value['low']) / 2:.4f}"


def _short(gap: dict[str, Any] | None) -> str:
    """A difference with its p-value."""
    if gap is None or gap["value"] is None:
        return ""
    return f"{gap['value']:+.4f}, p {_p(gap['p'])}"


def difference(gap: dict[str, Any]) -> str:
    """A difference with its interval, where it has one, and p-value."""
    if gap["value"] is None:
        return "–"
    between = "" if gap["low"] is None else f" [{gap['low']:+.4f}, {gap['high']:+.4f}]"
    return f"{gap['value']:+.4f}{between}, p {_p(gap['p'])}"


def _p(p: float) -> str:
    return "≤ 0.001" if p <= 0.001 else f"= {p:.3f}"
