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
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file", expected="a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text(folder.resolve().name))
    except FileExistsError as error:
        raise ConfigError(
            f"{path} is there already", mend="Edit it, or remove it to begin anew"
        ) from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
    return path


def text(name: str = "") -> str:
    """All settings as TOML, the values commented out, but for the name where one is given."""
    from endcap.config import Config

    default = Config()
    whole = HEAD + "".join(f"{line}\n" for line in _table((), default, set()))
    given = f"name = {toml(name)}" if name else f"# name = {toml(default.name)}"
    return whole.replace(f"# name = {toml(default.name)}", given, 1)


def _table(path: tuple[str, ...], group: BaseModel, told: set[type]) -> Iterator[str]:
    """Plain settings first, then the tables below, as TOML asks for.

    told: the kinds of group whose settings have been explained, so that each is so once.
    """
    fields = type(group).model_fields
    values = {name: getattr(group, name) for name in fields}
    explain = type(group) not in told
    told.add(type(group))
    for name in (name for name in fields if not _is_table(values[name])):
        yield from ("", f"# ── {fields[name].description}") if explain else ()
        yield f"# {name} = {toml(values[name])}"
    for name in (name for name in fields if _is_table(values[name])):
        yield from ("", f"# ── {fields[name].description}") if fields[name].description else ()
        yield from _below((*path, name), values[name], told)


def _below(path: tuple[str, ...], value: Any, told: set[type]) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _below((*path, name), one, told)
        return
    yield from ("", f"# [{'.'.join(path)}]" if len(path) > 1 else f"[{path[0]}]")
    yield from _table(path, value, told)


def _is_table(value: Any) -> bool:
    from pydantic import BaseModel

    if isinstance(value, Mapping):
        return any(map(_is_table, value.values()))
    return isinstance(value, BaseModel)


def toml(value: Any) -> str:
    """A value as it stands in TOML.

    >>> toml({"use": "mine", "sizes": (1, 2)})
    '{ use = "mine", sizes = [1, 2] }'
    """
    if isinstance(value, Mapping):
        inside = ", ".join(f"{name} = {toml(one)}" for name, one in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(value, ensure_ascii=False)
