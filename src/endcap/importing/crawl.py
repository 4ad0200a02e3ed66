"""A shop's own pages, read politely: sitemap → pages → products in schema.org's words.

What robots.txt forbids is left alone, its pause is kept, and so is one of our own; nothing is asked
of another host. Each product that a page describes as JSON-LD becomes a line of JSON.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from endcap.errors import SourceError
from endcap.types import Report

EXTRA = "pip install 'endcap[crawl]'"
AGENT = "Endcap"
PAUSE = "pause"
"""The setting: seconds between two pages."""

PAGES, PAGE, SITEMAP = 100_000, 5_000_000, 100_000_000
"""Pages of a site at most, and bytes of a page and of a sitemap, uncompressed."""

DEEP, HOPS, TRIES = 3, 5, 4
"""Sitemaps within sitemaps, redirections of one address, and tries of one that is busy."""

LONGEST = 60.0
"""Seconds that a busy site may ask us to wait."""

PRODUCTS = frozenset({"Product", "ProductGroup", "ProductModel", "IndividualProduct"})


def is_site(name: str) -> bool:
    """
    >>> is_site("https://shop.example/sitemap.xml"), is_site("https://shop.example/feed.xml")
    (True, False)
    """
    try:
        parts = urlsplit(name)
    except ValueError:  # no address at all: http://[shop/
        return False
    return parts.scheme in ("http", "https") and "sitemap" in parts.path.rpartition("/")[2]


def read_site(address: str, target: Path, pause: str, report: Report) -> None:
    """Write the products of all pages of a sitemap. Raises SourceError.

    pause: seconds between two pages, as text; empty for one second.
    """
    try:
        import extruct.jsonld
    except ImportError as error:
        raise SourceError(f"{address} needs a library that is not there", mend=EXTRA) from error
    extract = extruct.jsonld.JsonLdExtractor().extract
    with _visit(address, _seconds(pause)) as visit, target.open("w", encoding="utf-8") as file:
        pages = [*dict.fromkeys(_listed(visit, address, DEEP))][:PAGES]
        for place, page in enumerate(pages):
            report(f"Reading page {place + 1:,} of {len(pages):,}", place / len(pages))
            for row in _products(visit, page, extract):
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    if not pages:
        raise SourceError(f"{address} lists no page of its own host", expected="a sitemap")


def _seconds(pause: str) -> float:
    try:
        seconds = float(pause or 1)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise SourceError(f"{PAUSE} = {pause!r}", expected="seconds from 0 to 3600")
    return seconds


@dataclass
class Visit:
    """One visit to a site. next: the moment before which nothing is asked."""

    client: Any
    host: str
    robots: Any
    pause: float
    next: float = field(default=0.0)

    def get(self, address: str, largest: int) -> bytes | None:
        """The content; None where it is forbidden, elsewhere, missing, or too large."""
        import httpx

        try:
            return self._followed(address, largest)
        # A sitemap and a redirection may name what is no address: http://[shop/
        except (httpx.HTTPError, httpx.InvalidURL, ValueError):
            return None

    def _followed(self, address: str, largest: int) -> bytes | None:
        for _ in range(HOPS):
            if urlsplit(address).netloc != self.host or not self.robots.can_fetch(address, AGENT):
                return None
            status, headers, content = self._ask(address, largest)
            if "location" not in headers or not 300 <= status < 400:
                return content if status == 200 else None
            address = urljoin(address, headers["location"])
        return None

    def _ask(self, address: str, largest: int) -> tuple[int, Any, bytes | None]:
        """Once more after a while where the site is busy."""
        for again in range(TRIES):
            time.sleep(max(0.0, self.next - time.monotonic()))
            with self.client.stream("GET", address) as answer:
                status, content = answer.status_code, _bounded(answer.iter_bytes(), largest)
            self.next = time.monotonic() + self.pause
            if status not in (429, 503):
                break
            asked = answer.headers.get("retry-after", "")
            self.next += min(float(asked) if asked.isdecimal() else 2.0**again, LONGEST)
        return status, answer.headers, content


@contextmanager
def _visit(address: str, pause: float) -> Iterator[Visit]:
    """A visit that knows what the site asks of its visitors."""
    try:
        import httpx
        from protego import Protego
    except ImportError as error:
        raise SourceError(f"{address} needs a library that is not there", mend=EXTRA) from error
    parts = urlsplit(address)
    head = {"User-Agent": f"{AGENT} (reads the shop's own products)"}
    with httpx.Client(headers=head, timeout=20.0) as client:
        visit = Visit(client, parts.netloc, Protego.parse(""), pause)
        try:
            status, _, text = visit._ask(f"{parts.scheme}://{parts.netloc}/robots.txt", PAGE)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceError(f"{address} cannot be read: {error}") from error
        if status >= 500:  # RFC 9309: who can't be asked has forbidden everything
            raise SourceError(f"{parts.netloc}/robots.txt answers with {status}", mend="Try later")
        rules = Protego.parse((text or b"").decode("utf-8", "replace") if status == 200 else "")
        visit.robots = rules
        visit.pause = max(pause, float(rules.crawl_delay(AGENT) or 0))
        if not rules.can_fetch(address, AGENT):
            raise SourceError(f"robots.txt of {parts.netloc} forbids {address}")
        yield visit


def _bounded(parts: Iterable[bytes], largest: int) -> bytes | None:
    """All bytes together; None as soon as they are too many."""
    found, size = [], 0
    for part in parts:
        size += len(part)
        if size > largest:
            return None
        found.append(part)
    return b"".join(found)


def _listed(visit: Visit, address: str, deep: int) -> Iterator[str]:
    """The pages of a sitemap, and of those that it names."""
    content = visit.get(address, SITEMAP)
    if content is None:
        return
    kind, found = _addresses(_unpacked(content))
    if kind != "sitemapindex":
        yield from found
    elif deep:
        for one in found:
            yield from _listed(visit, one, deep - 1)


def _unpacked(content: bytes) -> bytes:
    """Sitemaps may be gzip files."""
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        return zlib.decompressobj(31).decompress(content, SITEMAP)
    except zlib.error:
        return b""


def _addresses(content: bytes) -> tuple[str, list[str]]:
    """What kind of sitemap it is, and the addresses in it; none where it is no XML."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root = fromstring(content)
    except (ParseError, DefusedXmlException, ValueError):
        return "", []
    found = (one.text or "" for one in root.iterfind("./{*}*/{*}loc"))
    return str(root.tag).rpartition("}")[2], [text.strip() for text in found if text.strip()]


def _products(visit: Visit, page: str, extract: Any) -> Iterator[dict[str, Any]]:
    """The products that a page describes; where it has none, a row that says so."""
    content = visit.get(page, PAGE)
    rows: list[dict[str, Any]] = []
    if content:
        try:
            rows = [*_flat(extract(content.decode("utf-8", "replace"), base_url=page))]
        # What stands in a page may be anything; each parser raises errors of its own.
        except Exception:
            rows = []
    products = [one for one in rows if PRODUCTS & {*_kinds(one)}]
    yield from ({"url": page, **one} for one in products)
    if not products:
        yield {"@type": "WebPage", "url": page}


def _flat(found: Any) -> Iterator[dict[str, Any]]:
    """The objects of a page, those of a graph one by one."""
    for one in found if isinstance(found, list) else [found]:
        if isinstance(one, dict):
            yield from _flat(one["@graph"]) if "@graph" in one else [one]


def _kinds(one: dict[str, Any]) -> list[str]:
    kinds = one.get("@type")
    names = kinds if isinstance(kinds, list) else [kinds]
    return [str(name).rpartition("/")[2] for name in names]
