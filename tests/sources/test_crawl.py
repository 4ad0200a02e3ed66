"""A shop's own pages, served here, and read as politely as they ask."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest

from endcap.errors import SourceError
from endcap.sources import import_file
from tests.sources.samples import Shop

pytest.importorskip("extruct")
pytest.importorskip("protego")

ROBOTS = "User-agent: *\nDisallow: /private/\n"


def described(*objects: Any) -> bytes:
    said = "".join(
        f'<script type="application/ld+json">{json.dumps(one, ensure_ascii=False)}</script>'
        for one in objects
    )
    return f"<!doctype html><html><head>{said}</head><body>红裙</body></html>".encode()


def dress(sku: str, **more: Any) -> dict[str, Any]:
    offer = {"price": "19.50", "priceCurrency": "EUR", "availability": "https://schema.org/InStock"}
    return {"@type": "Product", "sku": sku, "name": f"Dress {sku}", "offers": offer, **more}


class Site(BaseHTTPRequestHandler):
    """pages: (status, headers, body) by path. asked: what was asked, and when."""

    pages: ClassVar[dict[str, tuple[int, dict[str, str], bytes]]] = {}
    asked: ClassVar[list[tuple[str, float]]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, time.monotonic()))
        status, headers, body = self.pages.get(self.path, (404, {}, b""))
        if callable(status):
            status = status()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Not in the tests."""


@pytest.fixture
def address() -> Iterator[str]:
    Site.pages.clear()
    Site.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def serve(path: str, body: bytes, status: int = 200, **headers: str) -> None:
    Site.pages[path] = (status, headers, body)


def sitemap(path: str, *places: str, kind: str = "urlset", packed: bool = False) -> None:
    one = "url" if kind == "urlset" else "sitemap"
    inner = "".join(f"<{one}><loc>{place}</loc></{one}>" for place in places)
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    text = f'<?xml version="1.0"?><{kind} xmlns="{space}">{inner}</{kind}>'.encode()
    serve(path, gzip.compress(text) if packed else text)


def take(folder: Path, name: str, pause: str = "0") -> Shop:
    found = import_file(folder / "tables", name, settings={"pause": pause})
    return Shop(folder / "tables", {one.extract.kind: one for one in found})


def test_products_of_all_pages(tmp_path: Path, address: str) -> None:
    serve("/robots.txt", ROBOTS.encode())
    sitemap("/sitemap.xml", f"{address}/sitemap-1.xml.gz", kind="sitemapindex")
    pages = ("/a", "/b", "/c", "/moved", "/private/d", "/gone", "/broken", "/huge")
    places = [*(address + page for page in pages), "http://elsewhere.example/x"]
    places += ["http://[x/a", f"{address}/a\x7fb"]
    sitemap("/sitemap-1.xml.gz", *places, packed=True)
    serve("/a", described(dress("1", brand={"name": "Acme"}, category="Mode > 裙")))
    serve("/b", described({"@graph": [{"@type": "WebSite"}, dress("2", image=["i.jpg", "j.jpg"])]}))
    serve("/c", described({"@type": "BreadcrumbList"}))
    serve("/moved", b"", 301, Location="/new")
    serve("/new", described(dress("3", offers=[{"price": 5, "priceCurrency": "EUR"}])))
    serve("/private/d", described(dress("secret")))
    serve("/broken", b'<script type="application/ld+json">{"@type": "Product", </script>')
    serve("/huge", b"x" * 6_000_000)
    shop = take(tmp_path, f"{address}/sitemap.xml")
    assert shop.formats == {"schema_org"}
    assert shop.rows("items", "item_id", "title", "brand", "price", "currency", "availability") == [
        ("1", "Dress 1", "Acme", 19.5, "EUR", "in_stock"),
        ("2", "Dress 2", None, 19.5, "EUR", "in_stock"),
        ("3", "Dress 3", None, 5.0, "EUR", None),
    ]
    assert shop.counts("items") == (3, 0, {"not_a_product": 8})
    assert "/private/d" not in [path for path, _ in Site.asked]


def test_the_pause_that_the_site_asks_for_is_kept(tmp_path: Path, address: str) -> None:
    serve("/robots.txt", b"User-agent: Endcap\nCrawl-delay: 0.3\n")
    sitemap("/sitemap.xml", f"{address}/a", f"{address}/b")
    serve("/a", described(dress("1")))
    serve("/b", described(dress("2")))
    take(tmp_path, f"{address}/sitemap.xml")
    times = [when for _, when in Site.asked[1:]]
    assert min(later - before for before, later in pairwise(times)) >= 0.29


def test_a_busy_page_is_asked_again(tmp_path: Path, address: str) -> None:
    answers = iter([429, 503, 200])
    sitemap("/sitemap.xml", f"{address}/a")
    Site.pages["/a"] = (lambda: next(answers), {"Retry-After": "0"}, described(dress("1")))  # type: ignore[assignment]
    assert take(tmp_path, f"{address}/sitemap.xml").counts("items")[0] == 1


def test_what_the_site_forbids(tmp_path: Path, address: str) -> None:
    serve("/robots.txt", b"User-agent: *\nDisallow: /\n")
    with pytest.raises(SourceError, match=r"robots\.txt of .* forbids"):
        take(tmp_path, f"{address}/sitemap.xml")
    serve("/robots.txt", b"", 500)
    with pytest.raises(SourceError, match="answers with 500"):
        take(tmp_path, f"{address}/sitemap.xml")


def test_what_is_no_sitemap(tmp_path: Path, address: str) -> None:
    for body in (b"", b"<html>", b'<!DOCTYPE a [<!ENTITY b "c">]><urlset>&b;</urlset>'):
        serve("/sitemap.xml", body)
        with pytest.raises(SourceError, match="lists no page of its own host"):
            take(tmp_path, f"{address}/sitemap.xml")
    for name in ("http://[x/sitemap.xml", "http://a\x7fb/sitemap.xml"):
        with pytest.raises(SourceError, match="cannot be read"):
            take(tmp_path, name)
    with pytest.raises(SourceError, match=r"pause = 'soon'. Expected seconds"):
        take(tmp_path, f"{address}/sitemap.xml", "soon")
    with pytest.raises(SourceError, match="cannot be read"):
        take(tmp_path, "http://127.0.0.1:9/sitemap.xml")
