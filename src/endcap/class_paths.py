"""From a class path in the configuration to a class and its settings, and from a folder to what was
saved there."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from endcap.config import Config, Settings, explain
from endcap.config import Stage as StageConfig
from endcap.errors import ConfigError, FilterError, ReleaseError
from endcap.stages import Feature, Ranker, Retriever, Rule, Stage
from endcap.tables import filters


def resolve_own(kind: type[Any], chosen: Mapping[str, Any], key: str) -> tuple[type[Any], Settings]:
    """Like `resolve`, of what stands among a stage's own settings."""
    try:
        stage = StageConfig.model_validate(chosen)
    except ValidationError as error:
        raise ConfigError(explain(error, key, StageConfig)) from error
    return resolve(kind, stage, key)


def resolve(kind: type[Any], stage: StageConfig, key: str) -> tuple[type[Any], Settings]:
    """The class that a configuration names, a `kind` with a `settings_type`, and its settings.

    key: where the stage stands in the TOML, for messages. Raises ConfigError.
    """
    cls = import_class(kind, stage.use, key)
    try:
        return cls, cls.settings_type.model_validate(stage.own)
    except ValidationError as error:
        raise ConfigError(explain(error, key, cls.settings_type)) from error


def check(config: Config) -> None:
    """Resolve every stage, so that a wrong one is told before any work. Raises ConfigError."""
    if config.track.wandb and importlib.util.find_spec("wandb") is None:
        raise ConfigError(
            f"track.wandb = {config.track.wandb!r}, but wandb is not installed",
            mend="Run `pip install 'endcap[wandb]'`, or leave out the setting",
        )
    groups: dict[str, type[Any]] = {
        "retrievers": Retriever,
        "features": Feature,
        "rankers": Ranker,
        "rules": Rule,
    }
    for group, kind in groups.items():
        for name, stage in getattr(config, group).items():
            cls, settings = resolve(kind, stage, f"{group}.{name}")
            cls.check(settings, f"{group}.{name}")
    for name, place in config.placements.items():
        check_filter(place.filter, f"placements.{name}.filter")


def check_filter(text: str, key: str) -> None:
    """Refuse a filter that is wrong whatever the items are; an empty one is none.

    key: where it stands in the TOML, for the ConfigError.
    """
    try:
        if text:
            filters.check(text)
    except FilterError as error:
        raise ConfigError(f"{key} = {text!r}: {error}") from error


def import_class(kind: type[Any], path: str, key: str) -> type[Any]:
    """The class at ``module:Class``, which must be of the given kind."""
    module, _, name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, SyntaxError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{key}.use = {path!r} cannot be imported: {error}", expected="module:Class"
        ) from error
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise ConfigError(f"{key}.use = {path!r} is not a {kind.__name__}")
    if inspect.isabstract(found):
        raise ConfigError(f"{key}.use = {path!r} is abstract", expected="a class that is complete")
    return found


def save_stage(stage: Stage[Any], folder: Path) -> None:
    """Write a stage together with its class path, for `load_stage`."""
    stage.save(folder)
    path = f"{type(stage).__module__}:{type(stage).__qualname__}"
    (folder / "stage.json").write_text(json.dumps({"use": path}))


def load_stage(kind: type[Any], folder: Path) -> Any:
    """A stage from a folder that `save_stage` wrote."""
    try:
        path = json.loads((folder / "stage.json").read_text())["use"]
    except (OSError, ValueError, KeyError) as error:
        raise ReleaseError(f"{folder} holds no stage: {error}") from error
    return import_class(kind, path, str(folder)).load(folder)
