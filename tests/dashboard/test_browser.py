"""The page in a real browser, where there is one."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from endcap.cli.service import service
from endcap.config import Shop
from tests.serve.shops import prepared_shop, release

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    shop: Shop = prepared_shop(tmp_path_factory.mktemp("shop"))
    release(shop, "first")
    server = uvicorn.Server(
        uvicorn.Config(service(shop.folder, replay=True, local=True), port=0, log_level="error")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """A page on which nothing went wrong, and that asked nothing of anyone else."""
    opened = browser.new_page(reduced_motion="reduce")
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda line: wrong.extend([line.text] * (line.type == "error")))
    opened.on("request", lambda one: wrong.extend([one.url] * (not one.url.startswith(address))))
    opened.goto(address)
    opened.wait_for_selector(".item")
    yield opened
    opened.close()
    assert wrong == []


def titles(page: Any) -> list[str]:
    found: list[str] = page.locator(".item .title").all_text_contents()
    return found


def test_a_click_changes_the_list(page: Any) -> None:
    page.get_by_text("Someone new").click()
    page.get_by_text("What everyone likes").wait_for()
    before = titles(page)
    page.locator(".face").nth(2).click()
    page.get_by_text("The list changed").wait_for()
    assert titles(page) != before
    assert page.get_by_text(f"Because you looked at {before[2]}").count() > 0
    assert page.locator(".day li").first.text_content() == f"{before[2]}looked at"


def test_it_works_by_keyboard(page: Any) -> None:
    page.locator("#search").fill("user-07")
    page.locator(".person[data-id=user-07]").wait_for()
    page.locator(".person[data-id=user-07]").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Shown to shopper user-07").wait_for()
    page.locator("input[name=placement]").first.focus()
    page.keyboard.press("ArrowRight")
    page.get_by_text("may be running out of").wait_for()
    page.locator(".face").first.focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Add to basket"
    page.keyboard.press("Enter")
    page.locator(".day li", has_text="put in basket").wait_for()
    assert page.evaluate("document.activeElement.closest('.item') !== null")


def test_the_first_tab_leads_past_the_shoppers(page: Any) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to what would be shown"


def test_it_speaks_chinese(browser: Any, address: str) -> None:
    opened = browser.new_page(locale="zh-CN", viewport={"width": 390, "height": 844})
    opened.goto(address)
    opened.get_by_text("新顾客", exact=True).click()
    opened.get_by_text("还不了解这位顾客").wait_for()
    assert opened.locator(".reason").first.text_content() == "本月热门"
    opened.locator(".act", has_text="加入购物车").first.click()
    opened.get_by_text("列表").first.wait_for()
    assert opened.evaluate("document.documentElement.lang") == "zh"
    assert opened.evaluate("document.documentElement.scrollWidth") <= 390
    opened.close()


@pytest.mark.parametrize(
    ("written", "shopper"), [("%", "%"), ("%E4%BD", "%E4%BD"), ("user-07%25", "user-07%")]
)
def test_a_broken_address_does_not_stop_the_page(
    page: Any, address: str, written: str, shopper: str
) -> None:
    page.goto("about:blank")
    page.goto(f"{address}#{written}")
    page.get_by_role("heading", name=f"Shown to shopper {shopper}", exact=True).wait_for()
    page.wait_for_selector(".item")


def test_another_address_shows_another_shopper(page: Any) -> None:
    page.evaluate("location.hash = '#user-07'")
    page.get_by_role("heading", name="Shown to shopper user-07", exact=True).wait_for()


def test_a_wrong_path_leads_back(browser: Any, address: str) -> None:
    opened = browser.new_page(locale="zh-CN", viewport={"width": 390, "height": 844})
    opened.goto(f"{address}nothing/{'x' * 200}")
    opened.get_by_role("heading", name="这里没有页面").wait_for()
    assert opened.evaluate("document.documentElement.scrollWidth") <= 390
    opened.get_by_text("回到首页").click()
    opened.wait_for_selector(".item")
    opened.close()


def test_the_endpoints_fit_a_phone(page: Any, address: str) -> None:
    page.goto(address)
    page.get_by_text("For developers").click()
    page.get_by_role("heading", name="POST /v1/recommend", exact=True).wait_for()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_it_fits_a_phone(page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("sign", ["L", "长"])
def test_long_ids_and_titles_fit_a_phone(page: Any, address: str, sign: str) -> None:
    item = page.request.post(f"{address}v1/recommend", data={"n": 1}).json()["items"][0]["item_id"]
    long = {"title": 300 * sign, "brand": 300 * sign, "categories": [300 * sign]}
    assert page.request.patch(f"{address}v1/items/{item}", data=long).ok
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{address}#{150 * sign}")
    page.get_by_role("heading", name=150 * sign).wait_for()
    page.locator(".title", has_text=300 * sign).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator(".item", has_text=300 * sign).bounding_box()["height"] < 350
    page.locator("#search").fill(150 * sign)
    page.locator("#nobody").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
