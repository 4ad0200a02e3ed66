"""A rule over a few items, for tests of what each rule does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from endcap.stages import Rule, Run
from endcap.tables.catalogue import Catalogue


def rule(cls: type[Rule[Any]], folder: Path, goods: Catalogue, **settings: Any) -> Any:
    """The rule with these settings, over these goods."""
    return cls.fit(cls.settings_type.model_validate(settings), goods, Run())
