"""What a search may change in the configuration of a shop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from endcap.class_paths import resolve
from endcap.config import Between, Choice, Config, Search, Stage, Value
from endcap.errors import ConfigError
from endcap.recommender import FALLBACK
from endcap.stages import Ranker, Retriever

JOIN = "join"
"""The group that says who takes part, and how much the first places count."""

CONSTANT = Between(1.0, 100.0, log=True)

Path = tuple[str, ...]


@dataclass(frozen=True)
class Setting:
    """A setting that may change.

    path: where it stands in the TOML; for a retriever that may take part, its place in the list.
    """

    path: Path
    search: Search
    present: Value

    @property
    def title(self) -> str:
        """Its name within its group."""
        flag = self.path[0] == "placements"
        return self.path[-1] if flag or len(self.path) < 3 else ".".join(self.path[2:])


@dataclass(frozen=True)
class Space:
    """Settings by their keys in the TOML, in groups that are tried one at a time.

    placement: the one whose lists are judged.
    """

    config: Config
    placement: str
    groups: Mapping[str, Mapping[str, Setting]]

    @classmethod
    def of(cls, config: Config, *, rankers: bool = False) -> Space:
        """Of all retrievers and how they are joined. rankers: of the ranker as well."""
        placement = next(iter(config.evaluate.tasks.values())).placement
        groups = {name: dict(settings) for name, settings in _groups(config, placement, rankers)}
        return cls(config, placement, {name: group for name, group in groups.items() if group})

    def chosen(self, only: Iterable[str]) -> tuple[str, ...]:
        """The groups to search, all where none is named. Raises ConfigError."""
        everything = Space.of(self.config, rankers=True).groups
        for name in only:
            if name not in everything:
                raise ConfigError(
                    f"--only {name!r} is nothing to search",
                    expected=f"one of {', '.join(everything)}" if everything else "",
                )
        if not self.groups:
            raise ConfigError(
                "There is nothing to search: no retriever has a setting that can be tried",
                mend="Give a model of your own a `search`, as docs/how-to/add-a-model.md says",
            )
        return tuple(name for name in self.groups if name in only or not only)

    @cached_property
    def settings(self) -> dict[str, Setting]:
        return {key: one for group in self.groups.values() for key, one in group.items()}

    @property
    def present(self) -> dict[str, Value]:
        """The values that the configuration has now."""
        return {key: one.present for key, one in self.settings.items()}

    def changes(self, values: Mapping[str, Value]) -> dict[Path, tuple[Any, Any]]:
        """By its place in the TOML, what a setting is and what these values make of it. Settings
        of retrievers that take no part stay. Raises ConfigError where none takes part."""
        before, after = self._taking_part(self.present), self._taking_part(values)
        if not after:
            raise ConfigError(f"No retriever takes part in placements.{self.placement}")
        idle = {*self.config.retrievers} - {*after, FALLBACK}
        left = {self._list, *(("retrievers", name) for name in idle)}
        pairs = {one.path: (one.present, values[key]) for key, one in self.settings.items()}
        found = {
            path: (old, new)
            for path, (old, new) in pairs.items()
            if old != new and left.isdisjoint((path[:2], path[:3]))
        }
        return found | ({self._list: (before, after)} if before != after else {})

    def applied(self, values: Mapping[str, Value]) -> Config:
        """The configuration with these values. Raises ConfigError."""
        tree = self.config.model_dump()
        for (*parents, leaf), (_, value) in self.changes(values).items():
            table = tree
            for parent in parents:
                table = table.setdefault(parent, {})
            table[leaf] = value
        return Config.model_validate(tree)

    def flag(self, name: str) -> str:
        """The key of whether a retriever takes part."""
        return ".".join((*self._list, name))

    def _taking_part(self, values: Mapping[str, Value]) -> list[str]:
        return [name for name in self.config.retrievers if values.get(self.flag(name), True)]

    @property
    def _list(self) -> Path:
        return ("placements", self.placement, "retrievers")


def _groups(
    config: Config, placement: str, rankers: bool
) -> Iterator[tuple[str, Iterable[tuple[str, Setting]]]]:
    for name, stage in config.retrievers.items():
        yield f"retrievers.{name}", _stage(Retriever, stage, ("retrievers", name))
    for name, stage in list(config.rankers.items())[:1] if rankers else ():
        yield f"rankers.{name}", _stage(Ranker, stage, ("rankers", name))
    if len(config.retrievers) > 1:
        yield JOIN, _join(config, placement)


def _stage(kind: Any, stage: Stage, path: Path) -> Iterator[tuple[str, Setting]]:
    """Of a stage, then of what its settings name."""
    cls, settings = resolve(kind, stage, ".".join(path))
    inside = {(*path, name): part for name, part in cls.parts(settings).items()}
    for where, (inner, own) in {path: (cls, settings), **inside}.items():
        for name, search in inner.search.items():
            yield _setting((*where, name), search, getattr(own, name))


def _join(config: Config, placement: str) -> Iterator[tuple[str, Setting]]:
    taking_part = config.placements[placement].retrievers or config.retrievers
    for name in config.retrievers:
        path = ("placements", placement, "retrievers", name)
        yield _setting(path, Choice(True, False), name in taking_part)
    yield _setting(("join", "constant"), CONSTANT, config.join.constant)


def _setting(path: Path, search: Search, present: Value) -> tuple[str, Setting]:
    # What the shop has set itself may lie outside of what is usually tried.
    return ".".join(path), Setting(path, search.including(present), present)
