"""One TOML file is one complete system: a frozen tree in which unknown keys are errors.

The TOML is trusted like code, since its class paths are imported. Requests never are.
A stage's own settings stand at the top of its file; here stands only which stages there are.
"""

from endcap.config.answers import Evaluate, Join, Moment, Placement, Scope, Task
from endcap.config.deployment import Deployment
from endcap.config.log import Clean, Events, Protocol, Split
from endcap.config.reading import FILE, build, explain, load, parse
from endcap.config.running import Resources, Schedule, Serve, Spark, Store, Stream, Track
from endcap.config.search import Between, Choice, Search, Value, space
from endcap.config.settings import Feature, Scale, Settings, Stage, beginning, valid
from endcap.config.shop import Shop, alone, held
from endcap.config.tree import Config

__all__ = [
    "FILE",
    "Between",
    "Choice",
    "Clean",
    "Config",
    "Deployment",
    "Evaluate",
    "Events",
    "Feature",
    "Join",
    "Moment",
    "Placement",
    "Protocol",
    "Resources",
    "Scale",
    "Schedule",
    "Scope",
    "Search",
    "Serve",
    "Settings",
    "Shop",
    "Spark",
    "Split",
    "Stage",
    "Store",
    "Stream",
    "Task",
    "Track",
    "Value",
    "alone",
    "beginning",
    "build",
    "explain",
    "held",
    "load",
    "parse",
    "space",
    "valid",
]
