"""Releases: immutable folders, and a pointer to the one that is live.

releases/
  20170101-120000-ab12cd/   a release; written whole or not at all
  live                      the pointer: the name of a release
  shadow                    another: the release that answers in the background, if any does
  history                   one promoted name a line, for rollback
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from endcap.errors import ReleaseError
from endcap.tables.atomic import replace

MANIFEST = "release.json"


@dataclass(frozen=True)
class Releases:
    """The releases of a shop."""

    folder: Path

    def names(self) -> list[str]:
        """Oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(path.parent.name for path in self.folder.glob(f"*/{MANIFEST}"))

    def path(self, name: str | None = None) -> Path:
        """The folder of a release, by default of the live one. Raises ReleaseError."""
        name = name or self.live()
        if name is None:
            raise ReleaseError("No release is live", mend="Run `endcap fit` first")
        if name not in (known := self.names()):
            raise ReleaseError(
                f"There is no release {name!r}",
                expected=f"one of {', '.join(known)}" if known else "",
                mend="" if known else "There is none yet: run `endcap fit` first",
            )
        return self.folder / name

    def manifest(self, name: str | None = None) -> dict[str, Any]:
        """What is known of a release. Raises ReleaseError."""
        path = self.path(name) / MANIFEST
        try:
            values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ReleaseError(
                f"{path} is damaged: {error}", mend="Fit or promote another"
            ) from error
        return values

    def live(self) -> str | None:
        """The release that answers."""
        return _read(self.folder / "live") or None

    def before(self) -> list[str]:
        """The releases that were live before the one that is, each once, the newest first."""
        live = self.live()
        return [name for name in dict.fromkeys(reversed(self._past())) if name != live]

    def shadow(self) -> str | None:
        """The release that answers the same questions as the live one, and is not shown."""
        return _read(self.folder / "shadow") or None

    def cast(self, name: str | None) -> None:
        """Make a release the shadow of the live one; None ends it. Raises ReleaseError."""
        if name is None:
            (self.folder / "shadow").unlink(missing_ok=True)
            return
        self.verify(self.path(name).name)
        replace(self.folder / "shadow", name)

    def write(self, name: str, manifest: dict[str, Any], fill: Callable[[Path], None]) -> Path:
        """A new release: `fill` writes its files; it appears whole or not at all."""
        draft = self.folder / f".{name}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        try:
            fill(draft)
            manifest = {**manifest, "release": name, "files": checksums(draft)}
            text = json.dumps(manifest, indent=1, ensure_ascii=False)
            (draft / MANIFEST).write_text(text, encoding="utf-8")
            os.replace(draft, self.folder / name)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return self.folder / name

    def verify(self, name: str) -> None:
        """Raises ReleaseError where a file is not what was written."""
        expected, found = self.manifest(name)["files"], checksums(self.path(name))
        found.pop(MANIFEST, None)
        wrong = sorted(file for file in expected | found if expected.get(file) != found.get(file))
        if wrong:
            raise ReleaseError(
                f"Release {name} is damaged: {', '.join(wrong[:3])}", mend="Fit or promote another"
            )

    def promote(self, name: str) -> None:
        """Make a release live."""
        self.verify(self.path(name).name)
        with (self.folder / "history").open("a") as history:
            history.write(f"{name}\n")
        replace(self.folder / "live", name)

    def rollback(self) -> str:
        """Make the release live that was so before, and say its name."""
        past, live = self._past(), self.live()
        while past and past[-1] == live:
            past.pop()
        if not past:
            raise ReleaseError("There is no earlier live release to go back to")
        self.verify(past[-1])
        replace(self.folder / "live", past[-1])
        replace(self.folder / "history", "".join(f"{name}\n" for name in past))
        return past[-1]

    def _past(self) -> list[str]:
        """What was promoted up to the live release, which is the last. Names behind it are of a
        step that was interrupted."""
        names, live = _read(self.folder / "history").split(), self.live()
        while names and names[-1] != live:
            names.pop()
        return names


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of each file, by its path below the folder."""
    return {
        str(path.relative_to(folder)): checksum(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def checksum(path: Path) -> str:
    """SHA-256 of a file, which may be larger than the memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> str:
    """What a file says, "" where there is none."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""
