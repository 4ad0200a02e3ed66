"""How Endcap runs: the service, its limits, what it may take, and when it fits anew."""

from __future__ import annotations

import os
from typing import Annotated, Literal

from pydantic import Field

from endcap.config.settings import Days, Settings, valid

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


Memory = Annotated[str, valid(size)]


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
        512,
        ge=1,
        description="questions that may wait, about as many as are answered in a second; more are "
        "told to come again, with a 503",
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
    traces: bool = Field(
        False,
        description="whether requests and the stages of their answers are sent to OpenTelemetry, "
        "as its variables OTEL_… say; needs the extra otel",
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
