"""Freed memory stays while a network learns, and goes when it has."""

from __future__ import annotations

import os
import platform
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from endcap.nn.memory import give_back, kept

MB = 1 << 20

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="there is no glibc")


def resident() -> int:
    """Bytes of memory that the process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def use_and_free(size: int) -> None:
    np.zeros(size, np.uint8).fill(1)


@glibc
def test_freed_memory_stays_until_the_end() -> None:
    before = resident()
    use_and_free(256 * MB)
    assert resident() < before + 100 * MB
    with kept():
        use_and_free(256 * MB)
        assert resident() > before + 200 * MB
    assert resident() < before + 100 * MB


@glibc
def test_it_is_given_back_after_an_error_too() -> None:
    def fail() -> None:
        use_and_free(256 * MB)
        raise ZeroDivisionError

    before = resident()
    with pytest.raises(ZeroDivisionError), kept():
        fail()
    assert resident() < before + 100 * MB


@glibc
def test_what_a_thread_that_goes_on_has_freed_is_given_back() -> None:
    def work() -> int:
        with kept():  # as after a while in a service: blocks come from the thread's own memory
            pass
        for _ in range(3):
            use_and_free(30 * MB)
        held = resident()
        give_back()
        return held - resident()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result() > 20 * MB
