from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from endcap.config import Shop
from tests.serve.shops import prepared_shop, release
from tests.store.postgres import Postgres, running


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with a live release."""
    made: Shop = prepared_shop(tmp_path_factory.mktemp("faults"))
    release(made, "first")
    return made.folder


@pytest.fixture
def shop(original: Path, tmp_path: Path) -> Path:
    """A copy, to break."""
    return Path(shutil.copytree(original, tmp_path / "shop"))


@pytest.fixture
def own() -> Iterator[Postgres]:
    """A PostgreSQL server of the test's own, to stop."""
    with running() as server:
        yield server


class Disk:
    """A small file system of its own, in a file."""

    def __init__(self, image: Path, folder: Path) -> None:
        self.image, self.folder = image, folder

    def make(self) -> None:
        with self.image.open("wb") as file:
            file.truncate(48 << 20)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", str(self.image))
        self.folder.mkdir()
        self.mount()

    def mount(self) -> None:
        _run("mount", "-o", "loop,errors=remount-ro", str(self.image), str(self.folder))

    def unmount(self) -> None:
        _run("umount", str(self.folder))

    def check(self) -> None:
        """What a machine does as it starts; it says 1 where it has mended something."""
        subprocess.run(  # noqa: S603
            ["/usr/sbin/fsck.ext4", "-y", str(self.image)], check=False, capture_output=True
        )

    def fail(self) -> None:
        """As where the system finds the disk damaged: from now on it can only be read."""
        device = _run("findmnt", "-no", "SOURCE", str(self.folder)).strip()
        (Path("/sys/fs/ext4") / Path(device).name / "trigger_fs_error").write_text("on purpose")


def _run(*command: str) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    return done.stdout


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path / "image", tmp_path / "disk")
    try:
        made.make()
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"No file system can be mounted here: {error}")
    try:
        yield made
    finally:
        subprocess.run(["/usr/bin/umount", str(made.folder)], check=False, capture_output=True)  # noqa: S603
