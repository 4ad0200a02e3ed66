"""A shop folder: what lies where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from endcap.config.reading import FILE, load, parse
from endcap.config.tree import Config


@dataclass(frozen=True)
class Shop:
    """A shop folder: the settings and all that Endcap makes. Copying it moves the shop.

    endcap.toml        the settings
    tables/            what was imported, one Parquet file a file:
                       tables/{events,items,users,impressions}/*.parquet
    prepared/          what `prepare` made; `prepared/current` names the valid folder
    runs/              fits under way, from which an interrupted one resumes, and in
                       runs/curves what TensorBoard shows of all
    releases/          what `fit` made, and the pointer to the live one
    live.sqlite        events that the service has acknowledged
    """

    folder: Path
    config: Config

    @classmethod
    def open(cls, folder: Path, changes: Iterable[str] = (), *, file: Path | None = None) -> Shop:
        """The shop in a folder; without an endcap.toml, one with default settings."""
        folder = folder.resolve()
        path = file or folder / FILE
        if file is None and not path.is_file():
            return cls(folder, parse("", changes))
        return cls(folder, load(path, changes))

    @property
    def tables(self) -> Path:
        return self.folder / "tables"

    @property
    def prepared(self) -> Path:
        return self.folder / "prepared"

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    @property
    def releases(self) -> Path:
        return self.folder / "releases"

    @property
    def live(self) -> Path:
        return self.folder / "live.sqlite"
