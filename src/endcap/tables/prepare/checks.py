"""Questions to the data, each answered with pass, warn or fail, and a sentence.

A check is a function of the report's figures (`endcap.tables.prepare.report.figures`), named for
what it looks at. A fail says that models will hardly learn; it does not stop `prepare`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from endcap.config import Config
from endcap.tables.schema import EVENT_TYPES

Status: TypeAlias = Literal["pass", "warn", "fail"]
STATUSES: tuple[Status, ...] = ("pass", "warn", "fail")
Answer: TypeAlias = tuple[Status, str]
Figures: TypeAlias = Mapping[str, Any]


def checks(figures: Figures, config: Config) -> list[dict[str, str]]:
    """The answers to all `CHECKS`, in their order."""
    answers = [(check.__name__, *check(figures, config)) for check in CHECKS]
    return [{"name": name, "status": status, "detail": text} for name, status, text in answers]


def visitor_ids(figures: Figures, config: Config) -> Answer:
    share = _lost(figures, "missing_visitor")
    return grade(share, 0.01, 0.5), f"{percent(share)} of the rows name no visitor"


def item_ids(figures: Figures, config: Config) -> Answer:
    share = _lost(figures, "missing_item")
    return grade(share, 0.01, 0.5), f"{percent(share)} of the rows name no item"


def times(figures: Figures, config: Config) -> Answer:
    share = _lost(figures, "missing_time", "too_early", "in_the_future")
    return (
        grade(share, 0.001, 0.2),
        f"{percent(share)} of the rows have no time or an impossible one "
        f"(before {config.clean.earliest}, or ahead of now)",
    )


def duplicates(figures: Figures, config: Config) -> Answer:
    share = _lost(figures, "duplicate")
    return grade(share, 0.05, 0.5), f"{percent(share)} of the rows stood there before"


def bots(figures: Figures, config: Config) -> Answer:
    share, limit = _lost(figures, "bot"), config.clean.bot_events_per_day
    return (
        grade(share, 0.05, 0.5),
        f"{percent(share)} of the rows are of visitors with more than {limit:,} events in a day",
    )


def event_types(figures: Figures, config: Config) -> Answer:
    unused = figures["unused_types"]
    unknown = {name: rows for name, rows in unused.items() if name not in EVENT_TYPES}
    wrong = sorted(set(config.events.use) - set(EVENT_TYPES))
    if wrong:
        return "warn", f"[events] use names what is no event type: {', '.join(wrong)}"
    if unknown:
        return "warn", f"Unknown event types are left out: {_counted(unknown)}"
    if unused:
        return "pass", f"Not in use: {_counted(unused)}"
    return "pass", "All event types are known and in use"


def targets(figures: Figures, config: Config) -> Answer:
    names = ", ".join(figures["targets"])
    if set(figures["targets"]) <= set(config.events.targets):
        return "pass", f"What is predicted: {names}"
    wanted = " or ".join(config.events.targets)
    return "warn", f"The log has no {wanted}, so what is predicted is {names}"


def catalogue(figures: Figures, config: Config) -> Answer:
    facts, total = figures["catalogue"], figures["events"]
    if not facts["listed"]:
        return "warn", "No catalogue was imported: items are known by what visitors do, no more"
    lost = figures["dropped"].get("unknown_item", 0)
    share = (facts["unlisted_events"] + lost) / (total + lost)
    return grade(share, 0.01, 0.5), f"{percent(share)} of the events are on items not listed in it"


def content(figures: Figures, config: Config) -> Answer:
    facts = figures["catalogue"]
    text = (
        f"{percent(facts['described'])} of the items have a title or description, "
        f"{percent(facts['categorised'])} a category, {percent(facts['priced'])} a price"
    )
    return grade(1 - facts["described"], 0.5), text


def knowledge(figures: Figures, config: Config) -> Answer:
    facts = figures["knowledge"]
    wrong = {
        "that lead to no item": facts["no_item"],
        "about an item that is not in the catalogue": facts["unknown_item"],
        "about a thing and itself": facts["itself"],
    }
    text = f"{facts['facts']:,} facts about items"
    left = ", ".join(f"{count:,} {why}" for why, count in wrong.items() if count)
    text += f"; left out: {left}" if left else ""
    if facts["circle"]:
        text += f"; {facts['circle']:,} categories stand above themselves"
    lost = sum(wrong.values())
    share = lost / max(1, lost + facts["facts"])
    return ("warn" if facts["circle"] else grade(share, 0.05)), text


def span(figures: Figures, config: Config) -> Answer:
    days, split = figures["span"]["days"], config.split
    if split.protocol == "leave-one-out":
        return "pass", f"{days:,.0f} days; each user's last events are held out"
    shrunk = figures["shrunk"]
    wanted = " + ".join(
        f"{part:g}" for part in (split.ranker_days, split.validation_days, split.test_days)
    )
    if shrunk == 1:
        return "pass", f"{days:,.0f} days are enough for {wanted} days of ranker, validation, test"
    text = f"The log spans {days:,.1f} days: the parts of {wanted} days shrink to {percent(shrunk)}"
    return "warn" if shrunk else "fail", text


def questions(figures: Figures, config: Config) -> Answer:
    held = 3 if config.split.protocol == "time" else config.split.holdout + 1
    found = {row["part"]: row["targets"] for row in figures["parts"]}
    counts = {part: found.get(part, 0) for part in ("ranker", "validation", "test")[:held]}
    text = f"Events to predict: {_counted(counts)}"
    least = min(counts.values())
    return "pass" if least >= 100 else "warn" if least else "fail", text


def known_visitors(figures: Figures, config: Config) -> Answer:
    share = figures["visitors"]["with_two"]
    return grade(1 - share, 0.5, 0.99), f"{percent(share)} of the visitors have two events or more"


def cold_items(figures: Figures, config: Config) -> Answer:
    share = figures["cold"]
    text = f"{percent(share)} of what is taken in the test part was never seen before it"
    return grade(share, 0.3), text


def repeats(figures: Figures, config: Config) -> Answer:
    share = figures["again"]
    text = f"{percent(share)} of what visitors take they had taken before"
    if share > 0.2:
        text += ": consider showing it again (`buy_again`)"
    return "pass", text


def concentration(figures: Figures, config: Config) -> Answer:
    share = figures["tail"]["top_1_percent"]
    return grade(share, 0.8), f"The most popular 1 % of items have {percent(share)} of the events"


CHECKS: tuple[Callable[[Figures, Config], Answer], ...] = (
    visitor_ids,
    item_ids,
    times,
    duplicates,
    bots,
    event_types,
    targets,
    catalogue,
    content,
    knowledge,
    span,
    questions,
    known_visitors,
    cold_items,
    repeats,
    concentration,
)


def percent(share: float) -> str:
    """
    >>> percent(0.0004), percent(0.123), percent(0.00000001), percent(0)
    ('0.04 %', '12 %', 'under 0.01 %', '0 %')
    """
    if 0 < share < 0.0001:
        return "under 0.01 %"
    return f"{share * 100:.2g} %" if share < 0.995 else f"{share * 100:.0f} %"


def grade(share: float, warn: float, fail: float = 2.0) -> Status:
    """What is to be said of a share of bad rows, by what is too much of it."""
    return "fail" if share > fail else "warn" if share > warn else "pass"


def worst(*statuses: Status) -> Status:
    """
    >>> worst("pass", "warn")
    'warn'
    """
    return max(statuses, key=STATUSES.index, default="pass")


def _lost(figures: Figures, *reasons: str) -> float:
    lost = sum(figures["dropped"].get(reason, 0) for reason in reasons)
    return float(lost / figures["read"])


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {rows:,}" for name, rows in counts.items())
