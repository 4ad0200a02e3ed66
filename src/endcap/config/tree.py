"""A complete system: all groups of settings, with the stages that are there by default."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import Field

from endcap.config.answers import Evaluate, Join, Placement
from endcap.config.log import Clean, Events, Split
from endcap.config.running import Resources, Schedule, Serve, Spark, Store, Stream, Track
from endcap.config.settings import Column, Feature, Name, Settings, Stage

S = TypeVar("S", bound=Stage)


def _own(stage: type[S], kind: str, **classes: str) -> dict[str, S]:
    """Stages of this package, by the names of their files."""
    return {name: stage(use=f"endcap.{kind}.{name}:{cls}") for name, cls in classes.items()}


def _stages(kind: str, **classes: str) -> Any:
    return Field(
        default_factory=lambda: _own(Stage, kind, **classes),
        description=f"the {kind}, by the names that other settings call them by",
    )


def _retrievers() -> dict[str, Stage]:
    """`described` reads what `sequence` reads, but items by their texts too and with another
    network: it errs differently, and knows what is new."""
    names = ("Popular", "Neighbours", "Content", "Sequence", "Repeat", "Recent", "Intent")
    stages = _own(Stage, "retrievers", **{name.lower(): name for name in names})
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
    return _own(Feature, "features", item="Item", visitor="Visitor", pair="Pair")


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
    retrievers: dict[Name, Stage] = Field(
        default_factory=_retrievers,
        description="the retrievers, by the names that other settings call them by",
    )
    features: dict[Column, Feature] = Field(
        default_factory=_features,
        description="what rankers are told of each candidate, beside where retrievers placed it",
    )
    rankers: dict[Name, Stage] = _stages("rankers", lambdamart="LambdaMART")
    rules: dict[Name, Stage] = _stages(
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
