"""What is kept of the log, what counts in it, and how it is parted."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from endcap.config.settings import Days, Settings, beginning, valid

Day = Annotated[str, valid(date.fromisoformat)]

Difference = Literal["case", "marks", "zeros", "prefix", "letters", "suffix"]
"""What two ways to write an id differ in; `endcap.tables.prepare.ids` says what each means."""


class Clean(Settings):
    """What is kept of the raw log."""

    earliest: Day = Field("1995-01-01", description="events before this day are impossible")
    future: float = Field(1.0, ge=0, description="days that a clock may be ahead of ours")
    bot_events_per_day: int = Field(2_000, gt=0, description="a visitor above this is a bot")
    without_visitors: tuple[str, ...] = Field(
        (), description="visitors that are none, by their id: testers, tills, monitors"
    )
    match_ids: tuple[Difference, ...] = Field(
        (), description="what may differ between an item's id in events and in the catalogue"
    )
    unknown_items: Literal["keep", "drop"] = Field(
        "keep", description="events on items that the catalogue does not list"
    )
    session_gap_minutes: float = Field(30.0, gt=0, description="a pause that ends a session")

    @property
    def begins(self) -> int:
        """The first moment of `earliest`, UTC microseconds."""
        return beginning(self.earliest)


class Events(Settings):
    """Which event types count as behaviour, and which of them are the aim."""

    use: tuple[str, ...] = Field(
        ("click", "view", "add_to_wishlist", "add_to_cart", "begin_checkout", "purchase", "rate"),
        description="event types that the models learn from",
    )
    targets: tuple[str, ...] = Field(
        ("purchase", "rate"),
        description="event types to predict; where the log has none of them, all in use are",
    )
    weights: dict[str, Annotated[float, Field(ge=0)]] = Field(
        {},
        description="how much an event of a type says, where one to predict says 1; "
        "learned where it is not given",
    )
    history: int = Field(2_000, gt=0, description="newest events of a visitor that are looked at")


Protocol = Literal["time", "leave-one-out"]
"""The log is parted at moments, or each user's last events are held out."""


class Split(Settings):
    """How the log is parted into what is learnt from and what is asked about."""

    protocol: Protocol = Field(
        "time", description="part at moments, or hold out each user's last events"
    )
    holdout: Literal[1, 2] = Field(
        2, description="leave-one-out: events held out of each user: test and validation, or one"
    )
    ranker_days: Days = Field(14.0, description="time: length of the part the ranker learns from")
    validation_days: Days = Field(14.0, description="time: length of the validation part")
    test_days: Days = Field(14.0, description="time: length of the test part")
    max_queries: int = Field(
        5_000, gt=0, description="time: questions drawn from a part when it has more"
    )
