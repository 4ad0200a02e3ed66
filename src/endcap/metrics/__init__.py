"""One file is one metric: a function with the file's name (see `endcap.stages.Metric`)."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from endcap.stages import Metric


@cache
def every() -> dict[str, Metric]:
    """Every metric in this folder, by name."""
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    return {name: getattr(importlib.import_module(f"{__name__}.{name}"), name) for name in names}
