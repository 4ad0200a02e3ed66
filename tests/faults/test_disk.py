"""A disk that is full, and one that can only be read any more."""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path

from tests.faults.conftest import Disk
from tests.faults.service import Load, Service, lost, served, wait_for

UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


def _through(service: Service, load: Load, begin: object, end: object) -> None:
    """Recommendations go on while events are turned away, and both go on afterwards."""
    load.more()
    begin()  # type: ignore[operator]
    wait_for(lambda: load.turned_away[503] >= 3)
    load.more()
    assert service.get("/healthz") == 200
    end()  # type: ignore[operator]
    kept = len(load.acknowledged)
    wait_for(lambda: len(load.acknowledged) >= kept + 20, service.told)
    assert not load.refused
    assert set(load.turned_away) == {503}


def test_no_file_may_grow(shop: Path) -> None:
    """As on a disk that is full; for everyone, whatever they may do on this machine."""
    with served(shop) as service:
        [pid] = service.worker_pids()

        def limit(bounds: tuple[int, int]) -> None:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, bounds)

        with Load(service.address) as load:
            full = lambda: limit((1, resource.RLIM_INFINITY))  # noqa: E731
            _through(service, load, full, lambda: limit(UNLIMITED))
    assert not lost(shop, load.acknowledged)


def test_a_full_disk(original: Path, disk: Disk) -> None:
    shop = Path(shutil.copytree(original, disk.folder / "shop"))
    filler = disk.folder / "filler"

    def fill() -> None:
        with filler.open("wb") as file:
            free = os.statvfs(disk.folder).f_bavail * 4096
            for size in (free, *[1 << 16] * 100, *[4096] * 100):
                try:
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), size)
                except OSError:
                    continue

    with served(shop) as service, Load(service.address) as load:
        _through(service, load, fill, filler.unlink)
    assert not lost(shop, load.acknowledged)


def test_a_disk_that_can_only_be_read(original: Path, disk: Disk) -> None:
    """Recommendations go on; when the disk was mended and all was started again, events too.

    What was acknowledged before the disk failed is there. In the instant in which it fails, the
    system itself reports as written to the disk what is not (so it does to a program of five lines
    that writes and syncs), so nothing can be asked of the events of that instant.
    """
    shop = Path(shutil.copytree(original, disk.folder / "shop"))
    os.sync()  # the copy was not made by us, who would have waited for the disk
    with served(shop) as service:
        with Load(service.address) as load:
            load.more()
            before = set(load.acknowledged)
            disk.fail()
            wait_for(lambda: load.turned_away[503] >= 3)
            load.more()
            assert not load.refused
            assert set(load.turned_away) == {503}
        service.kill()
        disk.unmount()
        disk.check()
        disk.mount()
        assert before
        assert not lost(shop, before)
        service.start()
        service.wait()
        with Load(service.address) as again:
            again.more()
        assert not again.turned_away
