"""Weights that a package ships: where they are, and whether they are what was meant."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from endcap.errors import ConfigError


@dataclass(frozen=True)
class Weights:
    """A file in an installed package, which is found without importing it.

    sha256: of the file that Endcap was tested with.
    install: the command that brings it.
    """

    package: str
    file: str
    sha256: str
    install: str

    def path(self) -> Path:
        """Raises ConfigError where the package is not installed or ships something else."""
        path = self.folder() / self.file
        if not path.is_file():
            raise ConfigError(f"{self.package} is installed without {self.file}", mend=self._mend())
        found = _sha256(path)
        if found != self.sha256:
            raise ConfigError(
                f"{path} has the checksum {found}", expected=self.sha256, mend=self._mend()
            )
        return path

    def folder(self) -> Path:
        """Of the package. Raises ConfigError."""
        spec = importlib.util.find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise ConfigError(f"{self.package} is not installed", mend=self._mend())
        return Path(spec.submodule_search_locations[0])

    def _mend(self) -> str:
        return f"Run `{self.install}`"


def needed(module: str, extra: str) -> Any:
    """A library that only an extra brings. Raises ConfigError where it is not installed."""
    try:
        found: ModuleType = importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"{module} cannot be imported: {error}", mend=f"Run `pip install 'endcap[{extra}]'`"
        ) from error
    return found


@lru_cache
def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
