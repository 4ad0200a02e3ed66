"""The settings."""

from __future__ import annotations

from endcap.class_paths import check as check_stages
from endcap.config import FILE, Shop
from endcap.doctor.finding import Finding
from endcap.errors import ConfigError


def check(shop: Shop) -> Finding:
    """Whether every stage that is named is there; the file itself was read to open the shop."""
    path = shop.folder / FILE
    try:
        check_stages(shop.config)
    except ConfigError as error:
        return Finding("fail", str(error), repair=f"Change it in {FILE}")
    if not path.is_file():
        return Finding("pass", f"There is no {FILE}: the defaults hold")
    return Finding("pass", f"{FILE} is understood, and all that it names is there")
