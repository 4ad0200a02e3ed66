"""The settings: frozen groups in which unknown keys are errors."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Days = Annotated[float, Field(gt=0)]


def _iso_day(text: str) -> str:
    date.fromisoformat(text)
    return text


Day = Annotated[str, AfterValidator(_iso_day)]

UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def size(text: str) -> int:
    """Bytes.

    >>> size("4GB"), size("1.5 gb"), size("")
    (4000000000, 1500000000, 0)
    """
    number, unit = text[:-2].strip(), text[-2:].upper()
    if text and (unit not in UNITS or not number.replace(".", "", 1).isdecimal()):
        raise ValueError(f'expected a number of {", ".join(UNITS)}, as "4GB"')
    return round(float(number) * UNITS[unit]) if text else 0


def _size(text: str) -> str:
    size(text)
    return text


Memory = Annotated[str, AfterValidator(_size)]


def _column(name: str) -> str:
    if not re.fullmatch(r"(?!place_|score_)\w+", name, re.ASCII):
        raise ValueError(
            "expected letters, digits and _, and not place_ or score_ in front, which are the "
            "retrievers'"
        )
    return name


Column = Annotated[str, AfterValidator(_column)]

Difference = Literal["case", "marks", "zeros", "prefix", "letters", "suffix"]
"""What two ways to write an id differ in; `endcap.tables.ids` says what each means."""


class Settings(BaseModel):
    """A frozen group of settings that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Stage(BaseModel):
    """A stage by its class path; all other keys are that class's own settings."""

    model_config = ConfigDict(frozen=True, extra="allow")

    use: str = Field(description="class path of the stage, as module:Class")

    @property
    def own(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class Feature(Stage):
    """A class path and a scale; all other keys are that class's own settings."""

    scale: Literal["none", "min-max", "standard", "quantile"] = Field(
        "none",
        description="onto what its numbers are brought, as they were in the past: 0 to 1, a mean "
        "of 0 and a deviation of 1, or the share of smaller ones",
    )


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


class Split(Settings):
    """How the log is parted into what is learnt from and what is asked about."""

    protocol: Literal["time", "leave-one-out"] = Field(
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
    scope: Literal["all", "new", "again", "fresh"] = Field(
        "all",
        description="answers that count: all, only what was new, only what was had before, "
        "or only what the visitor had not even looked at",
    )
    moment: Literal["event", "session"] = Field(
        "event",
        description="when is asked: right before something is taken, or as the session begins",
    )


class Evaluate(Settings):
    """How a release is judged. The first task decides: weights and epochs are chosen by it."""

    cutoffs: tuple[int, ...] = Field((5, 10, 20), description="list lengths to judge at")
    tasks: dict[str, Task] = Field(
        {"home": Task()}, min_length=1, description="the questions to judge by, by name"
    )
    baselines: dict[str, tuple[str, ...]] = Field(
        {"popular": ("popular",), "neighbours": ("neighbours", "popular")},
        description="what stands beside: retrievers, each list going on where the last ends",
    )
    samples: int = Field(1_000, gt=0, description="bootstrap samples behind an interval")


class Serve(Settings):
    """How much the service takes from whom, all workers of a machine together, and how each of
    them answers."""

    key_rate: float = Field(500.0, gt=0, description="requests a second with one key, on average")
    key_burst: float = Field(1_000.0, ge=1, description="and at once, after a pause")
    address_rate: float = Field(
        20.0, gt=0, description="requests a second from one address with a key to collect, or none"
    )
    address_burst: float = Field(100.0, ge=1, description="and at once, after a pause")
    together: int = Field(
        32, ge=1, le=512, description="questions that have come together and are answered at once"
    )
    waiting: int = Field(
        256, ge=1, description="questions that may wait; more are told to come again, with a 503"
    )
    ranker_seconds: float = Field(
        0.25, gt=0, description="what the ranker may take; after it, the lists go out without it"
    )
    connections: int = Field(
        1_000, ge=1, description="connections at once; more are told to come again, with a 503"
    )
    patience: float = Field(
        10.0, gt=0, description="seconds that a request may take to come in, head and body"
    )
    log: Literal["text", "json"] = Field(
        "text", description="what the service writes about itself: text, or JSON a line"
    )
    log_requests: Literal["none", "plain", "full"] = Field(
        "none",
        description="a line for each request: plain has no data of visitors; "
        "full has paths and queries, in which ids stand",
    )
    probe_seconds: float = Field(
        1.0,
        gt=0,
        description="seconds of a processor that half of a new release's answers may take, or it "
        "is not served",
    )
    origins: tuple[str, ...] = Field(
        (), description="web sites whose pages may call the service, as https://shop.example"
    )


class Resources(Settings):
    """What of the machine may be taken."""

    memory: Memory = Field(
        "",
        description='bytes that prepare and fit may take, as "4GB"; they spill, or refuse before '
        "they start. Empty: prepare takes a quarter of the machine's, fit what it needs",
    )

    @property
    def bytes(self) -> int:
        """The budget, 0 where there is none."""
        return size(self.memory)

    @property
    def engine_bytes(self) -> int:
        """For the engine of `prepare`: half of the budget, or a quarter of the machine's memory,
        but at least half a gigabyte."""
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return max(self.bytes // 2 if self.memory else machine // 4, 1 << 29)


class Spark(Settings):
    """The cluster that `prepare --engine spark` works on."""

    master: str = Field(
        "local[*]",
        description="spark://HOST:7077 or any other master, sc://HOST for Spark Connect, or "
        "local[N] for N cores of this machine",
    )
    settings: dict[str, str] = Field({}, description="of Spark, by their names")


class Stream(Settings):
    """Where `endcap consume` takes events from."""

    url: str = Field(
        "",
        description="nats://HOST:PORT/STREAM, kafka://HOST:PORT/TOPIC or redis://HOST:PORT/STREAM",
    )


class Schedule(Settings):
    """When `endcap schedule` fits anew, and what it takes to go live."""

    at: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = Field(
        "03:00", description="a time of day, by the clock of the machine, at which it begins"
    )
    every_hours: float = Field(24.0, gt=0, description="hours from one beginning to the next")
    go_on: bool = Field(
        False, description="whether deep models go on from the live release's weights"
    )
    margin: float = Field(
        0.0,
        ge=0,
        description="how much above the live release's ndcg@10 the new one's must be in the mean "
        "over the same questions",
    )


class Store(Settings):
    """How long the store keeps what `tables/` has as well, and when it goes there."""

    compact_minutes: float = Field(
        15.0, gt=0, description="minutes between writings of new live events to tables/"
    )
    keep_days: Days = Field(
        90.0,
        description="days that live events stay in the store once they are in tables/; run "
        "`endcap prepare` more often than that, as visitors' pasts are read from both",
    )
    trace_days: Days = Field(30.0, description="days for which answers can be asked about")


class Track(Settings):
    """Where a training can be watched besides TensorBoard, whose curves are in runs/curves."""

    wandb: str = Field(
        "", description="project of Weights & Biases to draw the same curves in; empty for none"
    )


def _stages(kind: str, **classes: str) -> Any:
    paths = {name: f"endcap.{kind}.{name}:{cls}" for name, cls in classes.items()}
    return Field(
        default_factory=lambda: {name: Stage(use=path) for name, path in paths.items()},
        description=f"the {kind}, by the names that other settings call them by",
    )


def _retrievers() -> dict[str, Stage]:
    """`described` reads what `sequence` reads, but items by their texts too and with another
    network: it errs differently, and knows what is new."""
    names = {
        "popular": "Popular",
        "neighbours": "Neighbours",
        "content": "Content",
        "sequence": "Sequence",
        "repeat": "Repeat",
        "recent": "Recent",
        "intent": "Intent",
    }
    stages = {name: Stage(use=f"endcap.retrievers.{name}:{cls}") for name, cls in names.items()}
    text = {
        "use": "endcap.encoders.text_hashing:TextHashing",
        "fields": ["title", "description", "categories", "brand", "tags"],
        "dim": 64,
    }
    own = {
        "network": {"use": "endcap.nn.networks.gru:GRU"},
        "content": {"text": text},
        "needs_content": True,
        "ahead": 0.0,
        "embedding_dropout": 0.5,
    }
    described = Stage.model_validate({"use": stages["sequence"].use, **own})
    return {**stages, "described": described}


def _features() -> dict[str, Feature]:
    names = {"item": "Item", "visitor": "Visitor", "pair": "Pair"}
    return {name: Feature(use=f"endcap.features.{name}:{cls}") for name, cls in names.items()}


def _placements() -> dict[str, Placement]:
    return {
        "home": Placement(),
        "email": Placement(),
        "product": Placement(
            retrievers=("neighbours",),
            rank=False,
            rules=("one_of_a_kind", "availability"),
            anchored=True,
        ),
        "similar": Placement(
            retrievers=("content", "neighbours"),
            rank=False,
            rules=("availability",),
            anchored=True,
        ),
        "cart": Placement(
            retrievers=("neighbours",),
            rank=False,
            rules=("one_of_a_kind", "already_taken", "availability"),
            anchored=True,
        ),
        "category": Placement(
            retrievers=("popular",), rank=False, rules=("same_category", "availability")
        ),
        "trending": Placement(retrievers=("popular",), rank=False, rules=("availability",)),
        "buy_again": Placement(
            retrievers=("repeat",), rank=False, rules=("availability",), fill=False
        ),
        "recently_viewed": Placement(
            retrievers=("recent",), rank=False, rules=("availability",), fill=False
        ),
    }


class Config(Settings):
    """A complete system."""

    name: str = Field("shop", description="the shop's name, as pages and reports show it")
    seed: int = Field(1, ge=0, description="the same seed and data give the same models")
    clean: Clean = Clean()
    events: Events = Events()
    split: Split = Split()
    retrievers: dict[str, Stage] = Field(
        default_factory=_retrievers,
        description="the retrievers, by the names that other settings call them by",
    )
    features: dict[Column, Feature] = Field(
        default_factory=_features,
        description="what rankers are told of each candidate, beside where retrievers placed it",
    )
    rankers: dict[str, Stage] = _stages("rankers", lambdamart="LambdaMART")
    rules: dict[str, Stage] = _stages(
        "rules",
        already_taken="AlreadyTaken",
        availability="Availability",
        same_category="SameCategory",
        one_of_a_kind="OneOfAKind",
    )
    join: Join = Join()
    placements: dict[str, Placement] = Field(
        default_factory=_placements, description="the places in the shop, by name"
    )
    evaluate: Evaluate = Evaluate()
    serve: Serve = Serve()
    resources: Resources = Resources()
    spark: Spark = Spark()
    stream: Stream = Stream()
    store: Store = Store()
    schedule: Schedule = Schedule()
    track: Track = Track()
