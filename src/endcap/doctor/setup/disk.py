"""The room on the disk."""

from __future__ import annotations

import os
import shutil

from endcap.config import Shop
from endcap.doctor.finding import Finding

LITTLE = 1 << 30
"""Bytes below which the next import or fit may not find room."""


def check(shop: Shop) -> Finding:
    free = shutil.disk_usage(shop.folder).free
    if not os.access(shop.folder, os.W_OK):
        return Finding("fail", f"{shop.folder} can't be written", repair=f"chmod u+w {shop.folder}")
    used = sum(path.stat().st_size for path in shop.folder.rglob("*") if path.is_file())
    said = f"{free / 1e9:.1f} GB are free; the shop takes {_size(used)}"
    if free < max(LITTLE, used // 2):
        return Finding("warn", said, repair="Make room, or move the folder to a larger disk")
    return Finding("pass", said)


def _size(count: int) -> str:
    """
    >>> _size(2_340_000), _size(56_000_000_000)
    ('2.3 MB', '56.0 GB')
    """
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
