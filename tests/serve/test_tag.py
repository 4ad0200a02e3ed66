"""The browser tag: small, and honest with those who do not agree."""

from __future__ import annotations

import functools
import http.server
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from endcap.cli.service import service
from endcap.config import Shop
from endcap.serve.tag import SCRIPT, tag
from endcap.store.events import LiveEvents
from endcap.store.keys import Keys

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
NODE = shutil.which("node")

in_a_browser = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]


def test_it_is_under_three_kilobytes() -> None:
    assert 1_000 < len(SCRIPT.encode()) < 3_000
    assert "//" not in SCRIPT
    assert tag().headers["Cross-Origin-Resource-Policy"] == "cross-origin"


@pytest.mark.skipif(NODE is None, reason="there is no node on this machine")
def test_it_is_javascript(tmp_path: Path) -> None:
    (tmp_path / "tag.js").write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run([str(NODE), "--check", str(tmp_path / "tag.js")], check=False)  # noqa: S603
    assert done.returncode == 0


PAGE = """<!doctype html><meta charset="utf-8"><title>Shop</title>
<script>window.endcap = (...args) => (endcap.q = endcap.q || []).push(args);</script>
<script src="{service}/tag.js" data-key="{key}" {consent} async></script>
<p data-endcap-item="红裙" data-endcap-recommendation="r1" data-endcap-position="2">
<a href="#there">A dress</a></p>
<div style="height: 300vh"></div><p data-endcap-item="below">Below</p>"""


class Site:
    """A service, the pages of a shop at another address, and what arrived."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.shop = folder / "pages", folder / "shop"
        self.folder.mkdir()
        self.shop.mkdir()
        handler = functools.partial(_Quiet, directory=str(self.folder))
        self.pages = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self.pages.server_port}"
        (self.shop / "endcap.toml").write_text(f'[serve]\norigins = ["{self.address}"]\n')
        opened = Shop.open(self.shop)
        keys = Keys.open(opened.live)
        self.key = _secret(keys)
        keys.close()
        config = uvicorn.Config(
            service(self.shop, replay=False, local=True), port=0, log_level="error"
        )
        self.server = uvicorn.Server(config)
        self.threads = [
            threading.Thread(target=self.pages.serve_forever),
            threading.Thread(target=self.server.run),
        ]
        for thread in self.threads:
            thread.start()
        while not self.server.started:
            time.sleep(0.01)
        self.service = f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"

    def page(self, consent: str = "") -> str:
        text = PAGE.format(service=self.service, key=self.key, consent=consent)
        (self.folder / "index.html").write_text(text, encoding="utf-8")
        return f"{self.address}/index.html"

    def events(self) -> list[dict[str, Any]]:
        """Oldest first."""
        store = LiveEvents.open(Shop.open(self.shop).live)
        try:
            with store.database.engine.connect() as connection:
                rows = connection.exec_driver_sql("SELECT * FROM events ORDER BY place")
                return [dict(row) for row in rows.mappings()]
        finally:
            store.close()

    def close(self) -> None:
        self.pages.shutdown()
        self.pages.server_close()
        self.server.should_exit = True
        for thread in self.threads:
            thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Not in the tests."""


def _secret(keys: Keys) -> str:
    return keys.create("collect", "the tag", "test")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    opened = Site(tmp_path_factory.mktemp("site"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page of someone who was never here."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def new(site: Site, before: int) -> list[tuple[str, str]]:
    return [(one["event_type"], one["item_id"]) for one in site.events()[before:]]


class TestInABrowser:
    pytestmark = in_a_browser

    def test_what_is_seen_and_clicked_arrives(self, site: Site, page: Any) -> None:
        before = len(site.events())
        page.goto(site.page('data-consent="given"'))
        page.evaluate("endcap('user', 'u7'); endcap('view', {item_id: 'a', price: 9.5})")
        page.get_by_text("A dress").click()
        until(lambda: len(new(site, before)) == 3)
        assert sorted(new(site, before)) == [
            ("click", "红裙"),
            ("impression", "红裙"),
            ("view", "a"),
        ]
        rows = site.events()[before:]
        assert len({row["event_id"] for row in rows}) == 3
        assert len({row["session_id"] for row in rows}) == 1
        click = next(row for row in rows if row["event_type"] == "click")
        assert (click["recommendation_id"], click["position"]) == ("r1", 2)
        assert (click["user_id"], click["anonymous_id"]) == ("u7", page.evaluate(ID))
        page.evaluate("scrollTo(0, 9999)")
        until(lambda: ("impression", "below") in new(site, before))

    def test_what_is_told_on_leaving_arrives(self, site: Site, page: Any) -> None:
        before = len(site.events())
        page.goto(site.page('data-consent="given"'))
        page.evaluate("endcap('view', {item_id: 'last'}); location.href = 'about:blank'")
        until(lambda: ("view", "last") in new(site, before))

    def test_a_visitor_stays_the_same_with_consent_alone(self, site: Site, page: Any) -> None:
        page.goto(site.page('data-consent="given"'))
        page.evaluate("endcap('view', {item_id: 'a'})")
        until(lambda: bool(page.evaluate(ID)))
        known = page.evaluate(ID)
        page.reload()
        page.evaluate("endcap('view', {item_id: 'b'})")
        time.sleep(3)
        assert page.evaluate(ID) == known
        page.evaluate("endcap('consent', false)")
        assert page.evaluate("localStorage.length") == 0

    def test_nothing_before_consent(self, site: Site, page: Any) -> None:
        before = len(site.events())
        page.goto(site.page())
        page.evaluate("endcap('view', {item_id: 'early'})")
        time.sleep(3)
        assert not new(site, before)
        assert page.evaluate("localStorage.length") == 0
        page.evaluate("endcap('consent', 'anonymous')")
        until(lambda: ("view", "early") in new(site, before))
        assert page.evaluate("localStorage.length") == 0
        assert {row["anonymous_id"] for row in site.events()[before:]} == {None}

    @pytest.mark.parametrize("signal", ["globalPrivacyControl", "doNotTrack"])
    def test_nothing_of_those_who_say_so(self, site: Site, page: Any, signal: str) -> None:
        before = len(site.events())
        page.add_init_script(f"Object.defineProperty(navigator, '{signal}', {{get: () => '1'}})")
        page.goto(site.page('data-consent="given"'))
        page.evaluate("endcap('view', {item_id: 'secret'})")
        time.sleep(3)
        assert not new(site, before)
        assert page.evaluate("localStorage.length") == 0

    def test_what_fails_is_sent_again_and_counts_once(self, site: Site, page: Any) -> None:
        before, tries = len(site.events()), []

        def half(route: Any) -> None:
            """The first time it arrives, but nobody hears so."""
            if route.request.method == "POST":
                tries.append(route.request.post_data)
                if len(tries) == 1:
                    route.fetch()
                    route.abort()
                    return
            route.continue_()

        page.route("**/v1/events", half)
        page.goto(site.page('data-consent="given"'))
        page.evaluate("for (let i = 0; i < 70; i++) endcap('view', {item_id: 'x' + i})")
        until(lambda: page.wait_for_timeout(50) is None and len(tries) >= 3)
        until(lambda: page.wait_for_timeout(50) is None and len(new(site, before)) >= 71)
        page.wait_for_timeout(1_000)
        found = new(site, before)
        assert len(found) == len(set(found)) == 71


ID = "localStorage.getItem('endcap_id')"
