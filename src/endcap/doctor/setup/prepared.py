"""What models learn from."""

from __future__ import annotations

from endcap.config import Shop
from endcap.doctor.finding import Finding
from endcap.errors import StateError
from endcap.tables.imported import files
from endcap.tables.prepare import fingerprint, prepared, read_report
from endcap.tables.prepare.checks import worst


def check(shop: Shop) -> Finding:
    """Whether it is there and as new as what was imported, and what `prepare` said of it."""
    try:
        folder = prepared(shop)
    except StateError:
        there = bool(files(shop.tables, "events"))
        return Finding(
            "warn" if there else "pass", "Nothing is prepared yet", repair="endcap prepare"
        )
    if folder.name != fingerprint(shop):
        return Finding("warn", "Older than what was imported or set", repair="endcap prepare")
    report = read_report(folder)
    bad = [one for one in report["checks"] if one["status"] != "pass"]
    said = (
        f"{report['events']:,} events of {report['users']:,} visitors on {report['items']:,} items"
    )
    if bad:
        said += f"; {len(bad)} of the {len(report['checks'])} checks of `endcap prepare` warn"
    return Finding(
        worst(*(one["status"] for one in bad)),
        said,
        [{"check": one["name"].replace("_", " "), "says": one["detail"]} for one in bad],
    )
