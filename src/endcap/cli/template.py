"""The endcap.toml that `endcap init` writes: every setting with its default and its meaning."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from endcap.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel

HEAD = """\
# The settings of this shop. What is commented out shows the default;
# take away the leading "# " of a line to change it.
"""


def write(folder: Path) -> Path:
    """Write endcap.toml into a folder. Raises ConfigError where there is one, or can't be."""
    from endcap.config import FILE

    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text())
    except FileExistsError as error:
        raise ConfigError(
            f"{path} is there already", mend="Edit it, or remove it to begin anew"
        ) from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
    return path


def text() -> str:
    """All settings as TOML, the values commented out."""
    from endcap.config import Config

    return HEAD + "".join(f"{line}\n" for line in _table((), Config()))


def _table(path: tuple[str, ...], group: BaseModel) -> Iterator[str]:
    """Plain settings first, then the tables below, as TOML asks for."""
    tables: dict[str, Any] = {}
    fields = type(group).model_fields
    for name in fields:
        value = getattr(group, name)
        if _is_table(value):
            tables[name] = value
            continue
        yield ""
        yield f"# ── {fields[name].description}"
        yield f"# {name} = {_toml(value)}"
    for name, value in tables.items():
        yield from _below((*path, name), value, fields[name].description or "")


def _below(path: tuple[str, ...], value: Any, meaning: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        if meaning:
            yield from ("", f"# ── {meaning}")
        for name, one in value.items():
            yield from _below((*path, name), one, "")
        return
    yield from ("", f"# [{'.'.join(path)}]" if len(path) > 1 else f"[{path[0]}]")
    yield from _table(path, value)


def _is_table(value: Any) -> bool:
    from pydantic import BaseModel

    if isinstance(value, Mapping):
        return any(map(_is_table, value.values()))
    return isinstance(value, BaseModel)


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        inside = ", ".join(f"{name} = {_toml(one)}" for name, one in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)
