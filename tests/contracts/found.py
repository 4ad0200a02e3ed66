"""Every stage there is, found by walking the folders, so that a new file is promised for too."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import ModuleType
from typing import Any, TypeVar

from endcap import encoders, features, rankers, retrievers, rules
from endcap.nn import networks
from endcap.nn.networks import Network
from endcap.stages import Encoder, Feature, Ranker, Retriever, Rule, Run, Stage
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part
from endcap.types import Candidates, Queries

T = TypeVar("T")

HEARS = {"facts": {"use": "endcap.encoders.attributes:Attributes"}}
"""What two towers and the deep ranker listen to."""

SMALL: dict[str, dict[str, Any]] = {
    # So few steps are taken that a long mean of the weights would still remember the first ones.
    "Sequence": {
        "dim": 16,
        "length": 10,
        "epochs": 40,
        "tokens": 128,
        "learning_rate": 0.01,
        "average": 0.9,
    },
    "BPR": {"factors": 16, "negatives": 32, "epochs": 40, "batch": 32, "average": 0.9},
    "MLP": {"dim": 16, "negatives": 32, "epochs": 40, "batch": 32, "average": 0.9},
    "TwoTower": {
        "content": HEARS,
        "dim": 16,
        "negatives": 32,
        "epochs": 20,
        "batch": 32,
        "average": 0.9,
    },
    "FewSteps": {
        "dim": 16,
        "practice": 0.5,
        "negatives": 32,
        "epochs": 40,
        "batch": 32,
        "average": 0.9,
    },
    "BiasedMF": {"factors": 16, "negatives": 32, "epochs": 40, "batch": 32, "average": 0.9},
    # All that a visitor takes within two days, one basket after the other.
    "Association": {"pause_minutes": 2 * 1440, "support": 1},
    "LambdaMART": {"trees": 20, "leaves": 7, "min_leaf": 5},
    "Audio": {"seconds": 4.0, "epochs": 2},
    "Graph": {"epochs": 5},
    "Boost": {"factors": {'brand == "red"': 3.0, "price > 25": 0.5}},
    "Blocklist": {"items": ["i1", "nothing"], "filter": "price == 15"},
    "Explore": {"share": 0.5, "cut": 6},
    "Pins": {
        "pins": [
            {"place": 1, "item": "i9"},
            {"place": 3, "filter": 'brand == "blue"'},
            {"place": 7, "item": "i2"},
            {"place": 1, "item": "i4", "until": "2020-12-31"},
        ]
    },
    "DeepRanker": {
        "content": HEARS,
        "dim": 8,
        "length": 10,
        "width": 16,
        "questions": 8,
        "average": 0.9,
    },
}
"""Settings that shrink what would take long, and some for rules that are idle by default; the
others keep their defaults."""

NOT_ASKED = {
    "Popular": "gives everyone the same list",
    "ByContext": "knows nothing of these visitors but what they did",
    "Repeat": "answers nothing but what was taken before",
    "Recent": "answers nothing but what was seen before",
    "Intent": "answers nothing but what was seen before",
}
"""Who need not tell the colours of the checkerboard apart, and why."""

WARM_UP = ("Sequence", "TwoTower")
"""Who learns of single events where an item stands that had none before, and nothing else; a fit
would learn more from them."""


def classes(folder: ModuleType, kind: type[T]) -> list[type[T]]:
    """The finished classes of a kind that the modules of a folder define."""
    found = []
    for module in pkgutil.iter_modules(folder.__path__, f"{folder.__name__}."):
        for _, cls in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            own = cls.__module__ == module.name
            if own and issubclass(cls, kind) and not inspect.isabstract(cls):
                found.append(cls)
    return found


RETRIEVERS: list[type[Retriever[Any]]] = classes(retrievers, Retriever)  # type: ignore[type-abstract]
RANKERS: list[type[Ranker[Any]]] = classes(rankers, Ranker)  # type: ignore[type-abstract]
RULES: list[type[Rule[Any]]] = classes(rules, Rule)
FEATURES: list[type[Feature[Any]]] = classes(features, Feature)  # type: ignore[type-abstract]
ENCODERS: list[type[Encoder[Any]]] = classes(encoders, Encoder)  # type: ignore[type-abstract]
NETWORKS: list[type[Network]] = classes(networks, Network)  # type: ignore[type-abstract]


def settings(cls: type[Stage[Any]], **changes: Any) -> Any:
    return cls.settings_type.model_validate({**SMALL.get(cls.__name__, {}), **changes})


def learned(cls: type[Retriever[Any]], known: Dataset, **changes: Any) -> Retriever[Any]:
    return cls.fit(settings(cls, **changes), known, None, Run(seed=3))


def proposals(queries: Queries, known: Dataset, n: int = 50) -> Candidates:
    """What two retrievers propose that count and need no time to learn."""
    by_name = {cls.__name__: cls for cls in RETRIEVERS}
    lists = {
        name.lower(): learned(by_name[name], known).retrieve(queries, n)
        for name in ("Popular", "Neighbours")
    }
    return Candidates.of(lists).joined([1.0] * len(lists) + [0.0] * len(lists), constant=10.0)


def taught(cls: type[Ranker[Any]], data: Dataset) -> Ranker[Any]:
    """A ranker that learned from the RANKER part what followed on what was known before."""
    known, asked = data.before(Part.RANKER), data.asked(Part.RANKER)
    candidates = proposals(asked.queries, known)
    return cls.fit(settings(cls), known, asked, candidates, Run(seed=3))
