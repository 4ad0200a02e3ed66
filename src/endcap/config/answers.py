"""What is answered where, and how answers are judged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field, PositiveInt

from endcap.config.settings import Settings

Scope = Literal["all", "new", "again", "fresh"]
"""Answers that count: all, what was not taken before, what was, what no earlier event was on."""

Moment = Literal["event", "session"]
"""When is asked: right before something is taken, or as the session begins."""


class Join(Settings):
    """How the retrievers' lists become one: each place counts 1 / (constant + place)."""

    constant: float = Field(10.0, gt=0, description="the larger, the less the first places count")
    depth: int = Field(200, gt=0, description="items that each retriever proposes")


class Placement(Settings):
    """A place in the shop where a list is shown."""

    retrievers: tuple[str, ...] = Field((), description="who proposes; empty means all")
    weights: dict[str, float] = Field(
        {}, description="how much the places of each retriever's list count; learned if not given"
    )
    score_weights: dict[str, float] = Field(
        {}, description="how much its scores count, from 1 at the top of the list to 0 at its end"
    )
    rank: bool = Field(True, description="whether the ranker orders the candidates")
    rules: tuple[str, ...] = Field(
        ("already_taken", "availability"), description="rules that apply, in this order"
    )
    filter: str = Field("", description="which items may be shown at all; empty for all")
    fill: bool = Field(True, description="whether short lists go on with what is popular")
    anchored: bool = Field(
        False, description="whether the items of the request, not the visitor's past, are asked of"
    )

    def weights_of(self, retrievers: Iterable[str]) -> list[float]:
        """Of their places, 1 where none is given, then of their scores, 0 where none is."""
        names = tuple(retrievers)
        return [
            *(self.weights.get(name, 1.0) for name in names),
            *(self.score_weights.get(name, 0.0) for name in names),
        ]


class Task(Settings):
    """A question to judge by: whose lists, and which answers count."""

    placement: str = Field("home", description="the placement whose lists are judged")
    scope: Scope = Field(
        "all",
        description="answers that count: all, only what was new, only what was had before, "
        "or only what the visitor had not even looked at",
    )
    moment: Moment = Field(
        "event",
        description="when is asked: right before something is taken, or as the session begins",
    )


class Evaluate(Settings):
    """How a release is judged. The first task decides: weights and epochs are chosen by it."""

    cutoffs: tuple[PositiveInt, ...] = Field((5, 10, 20), description="list lengths to judge at")
    tasks: dict[str, Task] = Field(
        {"home": Task()}, min_length=1, description="the questions to judge by, by name"
    )
    baselines: dict[str, tuple[str, ...]] = Field(
        {"popular": ("popular",), "neighbours": ("neighbours", "popular")},
        description="what stands beside, and must be beaten: retrievers, each list going on where "
        "the last ends; those given take the place of the default ones",
    )
    samples: int = Field(1_000, gt=0, description="bootstrap samples behind an interval")
