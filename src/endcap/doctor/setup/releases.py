"""What is live."""

from __future__ import annotations

from endcap.config import Shop
from endcap.doctor.finding import Finding
from endcap.errors import ReleaseError
from endcap.store.releases import Releases


def check(shop: Shop) -> Finding:
    """Whether the files of the live release are those that were written."""
    releases = Releases(shop.releases)
    names, live = releases.names(), releases.live()
    if not names:
        return Finding("pass", "Nothing has been fitted yet", repair="endcap fit")
    if live is None:
        return Finding(
            "warn", f"{len(names)} releases, none of them live", repair="endcap promote ID"
        )
    try:
        releases.verify(live)
    except ReleaseError as error:
        return Finding("fail", str(error), repair="endcap rollback")
    return Finding("pass", f"Release {live} is live and whole; kept: {len(names)}")
