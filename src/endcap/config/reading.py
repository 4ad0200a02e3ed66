"""From TOML to checked settings."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from endcap.config.tree import Config
from endcap.errors import ConfigError, no_such

FILE = "endcap.toml"

OF_A_NAME = "[key]"
"""How pydantic says that the name of something is wrong, not what it holds."""

BRIEF = 200
"""Characters of a value that a message shows."""


def load(path: Path, changes: Iterable[str] = ()) -> Config:
    """The system that a TOML file describes, with ``key.path=value`` changes on top.

    Raises ConfigError with the key, the value and what is allowed.
    """
    if not path.is_file():
        raise ConfigError(f"There is no {path}", mend="Run `endcap init` to write one")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text: {error}", mend="Save it as UTF-8") from error
    return parse(text, changes, name=str(path))


def parse(text: str, changes: Iterable[str] = (), *, name: str = FILE) -> Config:
    """Like `load`, from text. Tables that the text leaves out keep their defaults."""
    try:
        tree: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{name} is not valid TOML: {error}", mend=_joined(text, error)
        ) from error
    for change in changes:
        _set(tree, change)
    return build(tree, name=name)


def _joined(text: str, error: tomllib.TOMLDecodeError) -> str:
    """How to mend a table that stands twice: tomllib names the second one only."""
    first: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        found = re.match(r"\s*\[([^\[\]]+)\]\s*(#|$)", line)
        table = found[1].strip() if found else ""
        if table in first and str(error).startswith("Cannot declare"):
            there = f"the [{table}] in line {first[table]}"
            return f"Put what stands below [{table}] in line {number} to {there}"
        if table:
            first[table] = number
    return ""


def build(own: dict[str, Any], *, name: str = FILE) -> Config:
    """A checked tree from plain values, over the defaults."""
    defaults, tree = Config().model_dump(), own
    for group in ("retrievers", "features", "rankers", "rules", "placements"):
        given = own.get(group, {})
        if not isinstance(given, dict):
            raise ConfigError(f"{name}: [{group}] is {given!r}", expected="a table")
        if group != "placements":
            _check_meant(given, defaults[group], f"{name}: [{group}")
        merged = {**defaults[group], **_over(defaults[group], given)}
        tree = {**tree, group: {name: one for name, one in merged.items() if _wanted(one)}}
    _forget_what_is_gone(tree, own.get("placements", {}))
    evaluate = own.get("evaluate", {})
    if isinstance(evaluate, dict) and "baselines" not in evaluate:
        known = defaults["evaluate"]["baselines"]
        tree["evaluate"] = {**evaluate, "baselines": _baselines(known, tree["retrievers"])}
    try:
        config = Config.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(explain(error, name, Config)) from error
    _check_names(config, name)
    _check_moments(config, name)
    return config


def _forget_what_is_gone(tree: dict[str, Any], given: dict[str, Any]) -> None:
    """A default placement does without stages that the shop has left out.

    given: the placements that the shop itself describes, which must be right as they are.
    """
    for name, place in tree["placements"].items():
        for group in ("retrievers", "rules"):
            if name not in given:
                place[group] = tuple(one for one in place[group] if one in tree[group])


def _baselines(
    defaults: Mapping[str, tuple[str, ...]], retrievers: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """Default ones without retrievers that the shop has left out; one stands for its first."""
    return {
        name: tuple(one for one in names if one in retrievers)
        for name, names in defaults.items()
        if names[0] in retrievers
    }


def _wanted(stage: Any) -> bool:
    """A stage with an empty class path is left out, a default one too."""
    return not (isinstance(stage, dict) and stage.get("use") == "")


def _check_names(config: Config, where: str) -> None:
    """Weights, placements, tasks and baselines may name only what there is."""
    for key, names, known in _names(config):
        for name in names:
            if name not in known:
                raise ConfigError(
                    f"{where}: {key} names {name!r}", expected=f"one of {', '.join(known)}"
                )


def _names(config: Config) -> Iterator[tuple[str, Iterable[str], Collection[str]]]:
    """Where settings name something, what they name, and what there is."""
    yield "events.weights", config.events.weights, config.events.use
    for key, place in config.placements.items():
        weights = (*place.weights, *place.score_weights)
        yield f"placements.{key}.retrievers", place.retrievers, config.retrievers
        yield f"placements.{key}.weights", weights, config.retrievers
        yield f"placements.{key}.rules", place.rules, config.rules
    for key, baseline in config.evaluate.baselines.items():
        yield f"evaluate.baselines.{key}", baseline, config.retrievers
    for key, task in config.evaluate.tasks.items():
        yield f"evaluate.tasks.{key}.placement", (task.placement,), config.placements


def _check_moments(config: Config, where: str) -> None:
    """Whoever holds out last events can't ask as their session begins: it is learned from."""
    for name, task in config.evaluate.tasks.items():
        if task.moment == "session" and config.split.protocol != "time":
            raise ConfigError(
                f"{where}: evaluate.tasks.{name}.moment = 'session' does not go with "
                f"split.protocol = {config.split.protocol!r}",
                expected="split.protocol = 'time'",
            )


def explain(error: ValidationError, where: str, kind: type[BaseModel]) -> str:
    """Each wrong setting on a line: the key, the value, and what is allowed.

    kind: the settings that were checked.
    """
    lines = []
    for one in error.errors():
        key = ".".join(str(step) for step in one["loc"] if step != OF_A_NAME)
        unknown = one["type"] == "extra_forbidden"
        allowed = _allowed(kind, one["loc"]) if unknown else one["msg"]
        # What is wrong with the whole says itself what it is; all of it would drown that.
        given = f"{key} = {_brief(one['input'])}: " if one["loc"] else ""
        lines.append(f"{where}: {given}{allowed.removeprefix('Value error, ')}")
    return "\n".join(lines)


def _brief(value: Any) -> str:
    """A whole table in a message would drown what is wrong with it."""
    text = repr(value)
    return text if len(text) <= BRIEF else f"{text[:BRIEF]}…"


def _allowed(kind: Any, path: tuple[int | str, ...]) -> str:
    """The settings that there are beside an unknown one, which the path below a kind leads to."""
    *way, wrong = map(str, path)
    for step in way:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = kind.model_fields[step].annotation
        else:
            # A table of settings by name, or a list of them: tuple[Pin, ...].
            kind = [one for one in get_args(kind) if one is not Ellipsis][-1]
    names = list(kind.model_fields)
    if not names:
        return "there is nothing to set"
    return no_such("setting", wrong, names)


def _check_meant(given: dict[str, Any], defaults: Collection[str], where: str) -> None:
    """A name that is typed wrong would be a stage of its own, of which nobody knows the class."""
    for name, one in given.items():
        alike = get_close_matches(name, defaults, n=1, cutoff=0.8)
        if alike and name not in defaults and isinstance(one, dict) and "use" not in one:
            raise ConfigError(f"{where}.{name}] has no `use`", mend=f"Perhaps {alike[0]} is meant")


def _over(defaults: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Given stages over the default ones of the same name, key by key."""
    return {
        name: {**defaults.get(name, {}), **value} if isinstance(value, dict) else value
        for name, value in given.items()
    }


def _set(tree: dict[str, Any], change: str) -> None:
    key, sign, text = change.partition("=")
    if not sign or not key.strip():
        raise ConfigError(f"--set {change!r} is not a change", expected="KEY.PATH=VALUE")
    *parents, leaf = key.strip().split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
        if not isinstance(tree, dict):
            raise ConfigError(f"--set {change!r}: {parent} is a value, not a table")
    tree[leaf] = _value(text.strip())


def _value(text: str) -> Any:
    """A TOML value, or plain text where it is none."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
