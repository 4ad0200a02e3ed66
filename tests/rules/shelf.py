"""A rule over a few items, for tests of what each rule does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from endcap.stages import Rule, Run
from endcap.tables.catalogue import Catalogue
from tests.shops import dataset


def rule(cls: type[Rule[Any]], folder: Path, goods: Catalogue, **settings: Any) -> Any:
    """The rule with these settings, over these goods."""
    known = dataset(folder, users=[1], items=[0], goods=goods)
    return cls.fit(cls.settings_type.model_validate(settings), known, Run())
