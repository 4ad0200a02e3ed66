"""A shop folder: what lies where."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from endcap.config.deployment import Deployment
from endcap.config.reading import FILE, load, parse
from endcap.config.tree import Config
from endcap.errors import StateError


@dataclass(frozen=True)
class Shop:
    """A shop folder: the settings and all that Endcap makes. Copying it moves the shop.

    endcap.toml        the settings
    tables/            what was imported, one Parquet file a file:
                       tables/{events,items,users,impressions,triples}/*.parquet
    prepared/          what `prepare` made; `prepared/current` names the valid folder
    runs/              fits under way, from which an interrupted one resumes, and in
                       runs/curves what TensorBoard shows of all
    content/           what encoders made of texts, photos and sounds, so that no fit does it again
    tune/              what `tune` tried, and the best of it: tune/best.toml, tune/report.html
    releases/          what `fit` made, and the pointer to the live one
    live.sqlite        events that the service has acknowledged, keys and traces, unless the
                       environment names another database
    """

    folder: Path
    config: Config
    deployment: Deployment = field(default_factory=Deployment)

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
    def content(self) -> Path:
        return self.folder / "content"

    @property
    def tune(self) -> Path:
        return self.folder / "tune"

    @property
    def releases(self) -> Path:
        return self.folder / "releases"

    @property
    def live(self) -> Path | str:
        """Where the store is: a file, or the address of a database, its password included."""
        given = self.deployment.database_url
        return given.get_secret_value() if given else self.folder / "live.sqlite"


@contextmanager
def alone(folder: Path, command: str, *, wait: bool = False) -> Iterator[None]:
    """Hold a folder of the shop for one command at a time. Raises StateError where another is at
    work in it, unless it is to be waited for."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = StateError(
        f"Another `endcap {command}` is at work in {folder}", mend="Wait until it is done"
    )
    with held(folder / ".lock", taken, wait=wait):
        yield


@contextmanager
def held(path: Path, taken: StateError, *, wait: bool = False) -> Iterator[None]:
    """Hold a folder, or a file, which is made where it is missing; the system lets go of it even if
    we are killed. Raises `taken` where another process holds it, unless that is to be waited for.
    """
    # A network's file system locks only those files that are open for writing.
    mode = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT
    handle = os.open(path, mode, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise taken from error
        yield
    finally:
        os.close(handle)
