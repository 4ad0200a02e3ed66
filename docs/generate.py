"""Write docs/reference from the code: every setting, command and endpoint (`make docs`).

`tests/test_docs.py` fails where what is written is not what the code says.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, get_args

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from endcap import config
from endcap.cli.template import toml

REFERENCE = Path(__file__).parent / "reference"

STAGES = ("retrievers", "features", "rankers", "rules", "encoders", "nn.networks")
"""Folders whose files have a `Settings` class each."""

Rows = Iterable[tuple[str, ...]]


def main() -> None:
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """The text of each page, by its file's name."""
    found = {"settings.md": settings(), "commands.md": commands(), "endpoints.md": endpoints()}
    return {name: text.rstrip() + "\n" for name, text in found.items()}


# Settings


SETTING = ("setting", "default", "what it does")


def settings() -> str:
    parts = [
        "# Settings\n\nWhat can stand in `endcap.toml`, or after `--set` as `KEY=VALUE`. What is "
        "not there has the default. An unknown key is an error.\n",
        *_group("", config.Config),
        "## Stages\n\n`use` is the class path of a stage; an empty one leaves out a stage that is "
        "there by default. The other keys are those of its class. A class of your own, at a path "
        "of your own, has settings of its own.\n",
        *_stages(),
    ]
    return "\n".join(parts)


def _group(path: str, model: type[BaseModel]) -> Iterator[str]:
    """A group's plain settings as a table, then the groups in it."""
    groups = {name: _model(field.annotation) for name, field in model.model_fields.items()}
    title = f"## `[{path}]`" if path else "## At the top"
    yield f"{title}\n\n{model.__doc__}\n\n{_settings(model)}"
    for name, inner in groups.items():
        field, below = model.model_fields[name], f"{path}.{name}".lstrip(".")
        if inner is None:
            continue
        if isinstance(field.annotation, type):
            yield from _group(below, inner)
        else:
            yield from _named(f"{below}.NAME", field, inner)


def _named(path: str, field: FieldInfo, model: type[BaseModel]) -> Iterator[str]:
    """Groups that a shop may name: those there are by default, then the settings of one."""
    chosen = field.get_default(call_default_factory=True, validated_data={})
    rows = [(f"`{key}`", f"`{toml(_differs(one))}`") for key, one in chosen.items()]
    what = field.description or ""
    meaning = f"{what[:1].upper()}{what[1:]}; by default:"
    yield f"## `[{path}]`\n\n{meaning}\n\n{_table(('NAME', 'what it sets'), rows)}"
    if model is not config.Stage:
        yield f"{model.__doc__}\n\n{_settings(model)}"


def _differs(one: BaseModel) -> Any:
    """What a group sets that is not a default."""
    return one.model_dump(exclude_defaults=True)


def _settings(model: type[BaseModel]) -> str:
    rows = [
        (f"`{name}`", _default(field), field.description or "")
        for name, field in model.model_fields.items()
        if _model(field.annotation) is None
    ]
    return _table(SETTING, rows)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    return f"`{toml(field.get_default(call_default_factory=True, validated_data={}))}`"


def _stages() -> Iterator[str]:
    for folder in STAGES:
        package = importlib.import_module(f"endcap.{folder}")
        for found in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{found.name}")
            model = getattr(module, "Settings", None)
            if model is not None:
                title = f"### `{module.__name__}`"
                yield f"{title}\n\n{_first_line(module)}\n\n{_settings(model)}"


def _model(annotation: Any) -> type[BaseModel] | None:
    """The group that a field holds, or holds by name."""
    inner = annotation if isinstance(annotation, type) else (get_args(annotation) or (None,))[-1]
    return inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None


# Commands


def commands() -> str:
    from endcap.cli.app import build

    program: Any = typer.main.get_command(build())
    parts = [
        "# Commands\n\nExit code 0: done. 1: could not do it, with one message on standard "
        "error. 2: wrong usage. With `--json` standard output holds exactly one JSON document.\n"
    ]
    for name, command in sorted(_flat(program.commands)):
        usage = " ".join(_usage(command))
        rows = [_option(one) for one in command.params]
        table = _table(("option", "default", "what it does"), rows)
        parts.append(f"## `endcap {name} {usage}`\n\n{command.help}\n\n{table}")
    return "\n".join(parts)


def _flat(commands: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every command; one of a group by both names."""
    for name, command in commands.items():
        inner = getattr(command, "commands", None)
        if inner is None:
            yield name, command
        else:
            yield from ((f"{name} {below}", one) for below, one in _flat(inner))


def _usage(command: Any) -> Iterator[str]:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    yield from (one.metavar or one.name.upper() for one in arguments)
    yield "[OPTION]…"


def _option(one: Any) -> tuple[str, ...]:
    if one.param_type_name == "argument":
        return f"`{one.metavar or one.name.upper()}`", "", one.help or ""
    names = ", ".join(f"`{name}`" for name in [*one.opts, *one.secondary_opts])
    shown = f"{names} {one.metavar or ''}".strip()
    default = one.default if one.default not in (None, False) else ""
    if one.is_flag and one.default is True:
        default = one.opts[0]
    return shown, f"`{default}`" if default != "" else "", one.help or ""


# Endpoints


def endpoints() -> str:
    parts = [
        "# Endpoints\n\nJSON in and out; errors are `application/problem+json` with the field "
        "and the value that were wrong. The service itself describes them at `/openapi.json` "
        "and `/docs`.\n"
    ]
    for path, methods in described()["paths"].items():
        for method, one in methods.items():
            rows = [*_fields(one), *_parameters(one)]
            table = _table(("field", "type", "what it is"), rows) if rows else ""
            parts.append(f"## `{method.upper()} {path}`\n\n{one.get('description', '')}\n\n{table}")
    return "\n".join(parts)


def described() -> Any:
    """The OpenAPI description of the service of an empty shop."""
    from endcap.serve.app import create
    from endcap.serve.current import Current
    from endcap.store.events import LiveEvents

    with tempfile.TemporaryDirectory() as folder:
        shop = config.Shop.open(Path(folder))
        with closing(LiveEvents.open(shop.live)) as live:
            return create(Current(shop, live)).openapi()


def _fields(one: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for content in one.get("requestBody", {}).get("content", {}).values():
        schema = content["schema"]
        schema = schema.get("anyOf", [schema])[0]
        for name, field in schema.get("properties", {}).items():
            needed = " (needed)" if name in schema.get("required", []) else ""
            yield f"`{name}`", _type(field), field.get("description", "") + needed


def _parameters(one: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for field in one.get("parameters", []):
        needed = " (needed)" if field.get("required") else ""
        yield f"`{field['name']}`", _type(field["schema"]), field.get("description", "") + needed


def _type(field: dict[str, Any]) -> str:
    kinds = [field, *field.get("anyOf", [])]
    named = [one["type"] for one in kinds if one.get("type") not in (None, "null")]
    shown = " or ".join(dict.fromkeys(named)) or "object"
    default = field.get("default")
    return shown if default in (None, []) else f"{shown}, {json.dumps(default)}"


# Markdown


def _table(head: tuple[str, ...], rows: Rows) -> str:
    rows = [tuple(cell.replace("|", "\\|") for cell in row) for row in rows]
    if not rows:
        return "Nothing to set.\n"
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _first_line(module: Any) -> str:
    return (module.__doc__ or "").strip().splitlines()[0]


if __name__ == "__main__":
    main()
