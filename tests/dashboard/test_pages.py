from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from endcap.config import Config, Shop
from endcap.dashboard import pages
from endcap.serve import problems
from endcap.store.events import LiveEvents
from endcap.store.visitors import Visitors
from endcap.tables.dataset import Dataset
from endcap.tables.prepare import prepare, prepared
from tests.tables.raw_shop import event, raw_shop

NAUGHTY = "<script>alert('商品')</script>"
BUSY = [event("ann/安", "pear", day) for day in range(9)]
LOG = [*BUSY, event("ann/安", "pear", 8, quantity=2), event("bob", "fig", 5, event_type="view")]
LOG += [event(f"user-{n:02}", "fig", n / 10) for n in range(60)]
GOODS = [{"item_id": "pear", "title": NAUGHTY, "categories": ["Fruit > Pears"]}]


@pytest.fixture(scope="module")
def visitors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitors]:
    shop: Shop = raw_shop(tmp_path_factory.mktemp("shop"), LOG, GOODS)
    prepare(shop)
    dataset = Dataset.load(prepared(shop))
    live = LiveEvents.open(shop.live)
    yield Visitors(dataset, dataset.catalogue, live, shop.config.events)
    live.close()


@pytest.fixture
def client(visitors: Visitors) -> TestClient:
    return served(visitors)


def served(visitors: Visitors | None) -> TestClient:
    app = FastAPI()
    problems.install(app)
    pages.mount(app, Config(name=f"Ann & {NAUGHTY}"), lambda: visitors)
    return TestClient(app)


def test_the_page_comes_from_here_alone(client: TestClient) -> None:
    page = client.get("/")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for file in set(re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text)):
        found = client.get(file)
        assert found.status_code == 200
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", found.text)
    assert not re.search(r'(?:src|href)="(?!/|#)', page.text)


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "html"),
    [
        ("GET", f"/{NAUGHTY}", BROWSER, True),
        ("GET", "/assets/nothing.css", BROWSER, True),
        ("GET", "/nothing", {}, False),
        ("POST", "/nothing", BROWSER, False),
        ("GET", "/v1/nothing", BROWSER, False),
    ],
)
def test_a_browser_on_a_wrong_path_gets_a_page(
    client: TestClient, method: str, path: str, headers: dict[str, str], html: bool
) -> None:
    answer = client.request(method, path, headers=headers)
    assert answer.status_code == 404
    kind = "text/html" if html else "application/problem+json"
    assert answer.headers["content-type"].startswith(kind)
    assert ("default-src 'self'" in answer.headers.get("content-security-policy", "")) == html
    assert ('href="/"' in answer.text) == html
    assert NAUGHTY not in answer.text


def test_nothing_of_the_shop_becomes_markup(client: TestClient) -> None:
    assert NAUGHTY not in client.get("/").text
    script = (Path(pages.HERE) / "assets" / "page.js").read_text()
    assert "innerHTML" not in script
    assert "insertAdjacentHTML" not in script


def test_the_page_says_the_same_in_chinese() -> None:
    page, lost, words, script = (
        (Path(pages.HERE) / name).read_text("utf-8")
        for name in ("page.html", "lost.html", "assets/words.js", "assets/page.js")
    )
    page += lost
    known = {*re.findall(r'^  "(.+?)":', words, re.M)}
    marked = re.findall(r"data-say>([^<{]*\w[^<{]*)<", page)
    marked += re.findall(r'(?:label|placeholder)="([^"]+)" data-say', page)
    said = {one for one in re.findall(r'"([^"\n]+)"', script) if re.match(r"[A-Z].* ", one)}
    assert len(marked) > 15
    assert len(said) > 10
    assert {*marked, *said, *pages.PLACEMENTS.values()} <= known
    assert [one for one in known if one not in page + script + str(pages.PLACEMENTS)] == []


def test_some_shoppers_the_busiest_first(client: TestClient) -> None:
    found = client.get("/page/shoppers").json()
    assert found[0] == {"id": "ann/安", "purchases": 10}
    assert len(found) == 40
    assert "bob" not in {one["id"] for one in found}  # bob has bought nothing


def test_shoppers_are_found_by_a_part_of_their_id(client: TestClient) -> None:
    assert client.get("/page/shoppers?search=%20BOB").json() == [{"id": "bob", "purchases": 0}]
    assert client.get("/page/shoppers?search=安").json() == [{"id": "ann/安", "purchases": 10}]
    assert len(client.get("/page/shoppers?search=user-1").json()) == 10
    assert client.get("/page/shoppers?search=nobody").json() == []


def test_what_a_shopper_did_day_by_day(client: TestClient, visitors: Visitors) -> None:
    past = client.get("/page/shoppers/ann%2F安").json()
    assert (past["id"], past["events"]) == ("ann/安", 10)
    dates = [day["date"] for day in past["days"]]
    assert dates == sorted(dates, reverse=True)
    assert past["days"][0] == {
        "date": "2020-09-21",
        "items": [
            {"item_id": "pear", "title": NAUGHTY, "categories": ["Fruit > Pears"], "brand": None}
            | {"did": "purchase", "times": 2}
        ],
    }
    visitors.live.append([event("bob", "pear", 30, event_type="click")])
    days = client.get("/page/shoppers/bob").json()["days"]
    assert [day["items"][0]["did"] for day in days] == ["click", "view"]


def test_someone_new_has_no_past(client: TestClient) -> None:
    assert client.get("/page/shoppers/who?").json() == {"id": "who", "events": 0, "days": []}


def test_before_there_is_a_release_the_page_explains() -> None:
    client = served(None)
    assert "<code>endcap fit</code>" in client.get("/").text
    assert client.get("/page/shoppers").status_code == 503
