"""Out of disk or memory is an error that says what to do, not a traceback."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from safetensors import SafetensorError

from endcap.errors import TrainingError, words

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

KEPT = "what is done is kept, and the same command goes on from there"


@contextmanager
def shortage(what: str) -> Iterator[None]:
    """what: is going on, for the message. Raises TrainingError."""
    try:
        yield
    except Exception as error:
        if no_disk(error):
            raise TrainingError(
                f"{what}: no room on the disk ({words(error)})", mend=f"Make room; {KEPT}"
            ) from error
        if _no_memory(error):
            raise TrainingError(
                f"{what}: no memory left ({words(error)})",
                mend="Lower what makes the model large, tokens, batch or dim above all, or have "
                f"more memory; {KEPT}",
            ) from error
        raise


def no_disk(error: BaseException | None) -> bool:
    """Whether it is that the disk is full."""
    if isinstance(error, OSError):
        return error.errno in FULL
    codes = (f"(os error {code})" for code in FULL)
    return isinstance(error, SafetensorError) and any(code in str(error) for code in codes)


def _no_memory(error: Exception) -> bool:
    """torch tells it as a RuntimeError."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    said = str(error).lower()
    told = "can't allocate memory" in said or "out of memory" in said
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and told)
