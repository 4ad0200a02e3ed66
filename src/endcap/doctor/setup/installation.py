"""Endcap and what it is made of."""

from __future__ import annotations

import platform
import re
from importlib.metadata import PackageNotFoundError, requires, version

from endcap.config import Shop
from endcap.doctor.finding import Finding

NAME = re.compile(r"[\w.-]+")


def check(shop: Shop) -> Finding:
    needed = [text for text in requires("endcap") or () if "extra ==" not in text]
    missing = [name for name in map(_name, needed) if not _there(name)]
    if missing:
        return Finding(
            "fail", f"{', '.join(missing)} missing", repair=f"pip install {' '.join(missing)}"
        )
    said = f"Endcap {version('endcap')}, Python {platform.python_version()}, {platform.system()}"
    return Finding("pass", f"{said}; all {len(needed)} packages are there")


def _name(requirement: str) -> str:
    """
    >>> _name("ibis-framework[duckdb]>=9")
    'ibis-framework'
    """
    found = NAME.match(requirement)
    return found.group() if found else requirement


def _there(name: str) -> bool:
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False
