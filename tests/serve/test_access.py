"""Keys at the service, and what those try who have none: a list of attacks."""

from __future__ import annotations

import base64
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy.exc import SQLAlchemyError
from starlette.testclient import TestClient

from endcap.config import Shop
from endcap.dashboard import pages
from endcap.serve import access
from endcap.serve.app import create
from endcap.serve.bodies import LARGEST
from endcap.serve.current import Current
from endcap.store.events import LiveEvents
from endcap.store.keys import SCOPES, Keys
from tests.serve.shops import NOW, QUICK

EVENT = {"event_type": "view", "user_id": "ann", "item_id": "item-01"}
WIDE = ("serve.address_rate = 100000", "serve.address_burst = 100000")


@dataclass
class Guarded:
    """A service with a key of each scope."""

    client: TestClient
    keys: Keys
    made: dict[str, str]

    def ask(self, method: str, path: str, scope: str | None = None, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.made[scope]}"} if scope else {}
        return self.client.request(method, path, headers=headers | more.pop("headers", {}), **more)


def guarded(shop: Shop, folder: Path, *changes: str, local: bool = False) -> Iterator[Guarded]:
    sent = shutil.ignore_patterns("live.sqlite*")
    copied = shutil.copytree(shop.folder, folder / "shop", ignore=sent)
    own = Shop.open(copied, (*QUICK, *changes))
    current = Current(own, LiveEvents.open(own.live), clock=lambda: NOW)
    current.refresh()
    app = create(current, local=local)
    pages.mount(app, own.config, lambda: current.visitors)
    keys = Keys(current.live.database)
    with TestClient(app) as client:
        yield Guarded(client, keys, {scope: keys.create(scope, "", "ann") for scope in SCOPES})


@pytest.fixture(scope="module")
def service(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    yield from guarded(shop, tmp_path_factory.mktemp("guarded"), *WIDE)


ENDPOINTS = [
    ("POST", "/v1/events", "collect"),
    ("POST", "/v1/recommend", "recommend"),
    ("GET", "/v1/recommend", "recommend"),
    ("POST", "/v1/similar", "recommend"),
    ("GET", "/v1/similar?item_id=item-01", "recommend"),
    ("GET", "/metrics", "admin"),
    ("GET", "/", "admin"),
    ("GET", "/assets/page.js", "admin"),
    ("GET", "/page/shoppers", "admin"),
    ("GET", "/page/shoppers/user-03", "admin"),
]
BODIES: dict[str, Any] = {
    "/v1/events": EVENT,
    "/v1/recommend": {"user_id": "user-03"},
    "/v1/similar": {"item_id": "item-01"},
}


@pytest.mark.parametrize(("method", "path", "needed"), ENDPOINTS)
def test_each_scope_may_do_its_own_and_no_more(
    service: Guarded, method: str, path: str, needed: str
) -> None:
    body = BODIES.get(path) if method == "POST" else None
    for scope in SCOPES:
        answer = service.ask(method, path, scope, json=body)
        expected = scope in (needed, "admin")
        assert (answer.status_code < 300) == expected, scope
        if not expected:
            assert answer.status_code == 403
            assert f"This key may {scope}." in answer.json()["detail"]
            assert f"needs {needed}" in answer.json()["detail"]
    assert service.ask(method, path, None, json=body).status_code == 401


def test_answers_are_looked_up_by_one_scope_and_asked_again_by_another(service: Guarded) -> None:
    asked = service.ask("POST", "/v1/recommend", "recommend", json={})
    path = f"/v1/recommendations/{asked.json()['recommendation_id']}"
    for scope, looks, reruns in (
        ("collect", 403, 403),
        ("recommend", 200, 403),
        ("admin", 200, 200),
        (None, 401, 401),
    ):
        assert service.ask("GET", path, scope).status_code == looks
        again = service.ask("POST", f"{path}/rerun", scope, json={"release": "first"})
        assert again.status_code == reruns
        why = service.ask("POST", "/v1/explain", scope, json={"item_id": "item-01"})
        assert why.status_code == looks


def test_no_endpoint_is_forgotten(service: Guarded) -> None:
    """What the table of scopes does not name is for administrators."""
    for path, methods in service.client.get("/openapi.json").json()["paths"].items():
        for method in methods:
            answer = service.client.request(method, path)
            assert (answer.status_code == 401) == (path not in access.OPEN), f"{method} {path}"
    for path in access.OPEN:
        assert service.client.get(path).status_code == 200
        assert service.client.post(path).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "//v1/recommend",
        "/v1//recommend",
        "/v1/recommend/",
        "/V1/recommend",
        "/healthz/../v1/recommend",
        "/healthz/..%2fv1/recommend",
        "/v1/events/../recommend",
        "/v1/events/..%2Frecommend",
        "/v1/recommend%00",
        "/v1/recommend;a=b",
        "/docs/../page/shoppers",
        "/assets/../../../../etc/passwd",
        "/assets/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/page/shoppers/../../metrics",
    ],
)
def test_no_spelling_of_a_path_leads_past_the_door(service: Guarded, path: str) -> None:
    for scope in (None, "collect"):
        assert service.ask("GET", path, scope).status_code in (401, 403)
    assert "root:" not in service.ask("GET", path, "admin").text


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "get", "X"])
def test_no_method_leads_past_the_door(service: Guarded, method: str) -> None:
    for path in ("/v1/recommend", "/page/shoppers", "/healthz"):
        answer = service.client.request(method, path)
        assert answer.status_code == 401 or (method == "get" and path == "/healthz")


def test_no_header_makes_someone_else_of_the_caller(service: Guarded) -> None:
    admin = {"Authorization": f"Bearer {service.made['admin']}"}
    for headers in (
        {"X-Original-URL": "/healthz"},
        {"X-Rewrite-URL": "/healthz"},
        {"X-HTTP-Method-Override": "GET"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Api-Key": service.made["admin"]},
        {"Cookie": f"Authorization={service.made['admin']}"},
        {"X-Forwarded-Authorization": admin["Authorization"]},
    ):
        assert service.ask("GET", "/v1/recommend", headers=headers).status_code == 401
    query = {"key": service.made["admin"], "authorization": admin["Authorization"]}
    assert service.ask("GET", "/v1/recommend", params=query).status_code == 401
    two = [("Authorization", f"Bearer {service.made['collect']}"), *admin.items()]
    assert service.client.get("/v1/recommend", headers=two).status_code == 401


def test_ids_come_from_the_body_alone(service: Guarded) -> None:
    """No header makes a question one of another visitor's."""
    stranger = {"X-User-Id": "user-03", "User-Id": "user-03", "X-Session-Id": "user-03"}
    plain = service.ask("POST", "/v1/recommend", "recommend", json={})
    smuggled = service.ask("POST", "/v1/recommend", "recommend", json={}, headers=stranger)
    own = service.ask("POST", "/v1/recommend", "recommend", json={"user_id": "user-03"})
    assert smuggled.json()["items"] == plain.json()["items"] != own.json()["items"]


def test_what_is_no_key_is_told_nothing(service: Guarded) -> None:
    """The same answer for an id that there is and one that there is not: none can be listed."""
    made = service.made["admin"]
    id_ = made.split("_")[1]
    tokens = ["", "x", made[:-1], f"ek_{id_}_{'A' * 43}", f"ek_{'0' * 12}_{'A' * 43}", made * 100]
    answers = []
    for value in [f"Bearer {token}" for token in tokens] + [
        made,
        f"Token {made}",
        "Basic !!",
        "Bearer",
    ]:
        found = service.client.post("/v1/recommend", json={}, headers={"Authorization": value})
        answers.append((found.status_code, found.text, found.headers["www-authenticate"]))
    assert set(answers) == {answers[0]}
    assert answers[0][0] == 401
    assert id_ not in answers[0][1]


def test_a_key_of_an_attacker_is_no_statement(service: Guarded) -> None:
    for token in ("' OR 1=1 --", "ek_' OR '1'='1_" + "A" * 43, "%00", "${jndi:ldap://a}"):
        answer = service.client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401


STATEMENTS = [
    "' OR '1'='1",
    "user-03'--",
    "x'; DROP TABLE events; --",
    "user-03' UNION SELECT 1 --",
]


@pytest.mark.parametrize("text", STATEMENTS)
def test_an_id_of_an_attacker_is_no_statement(service: Guarded, text: str) -> None:
    """It is the name of someone who has done nothing, wherever it stands."""
    recent = {"placement": "recently_viewed", "n": 3}
    for name in ("user_id", "anonymous_id", "session_id"):
        asked = service.ask("POST", "/v1/recommend", "recommend", json={name: text, **recent})
        assert asked.json()["items"] == []
    sent = service.ask("POST", "/v1/events", "collect", json=EVENT | {"user_id": text})
    assert sent.json()["accepted"] == 1
    asked = service.ask("POST", "/v1/recommend", "recommend", json={"user_id": text, **recent})
    assert [item["item_id"] for item in asked.json()["items"]] == ["item-01"]
    for path in ("/v1/items", "/v1/recommendations"):
        assert service.ask("GET", f"{path}/{quote(text, safe='')}", "admin").status_code == 404
    wrong = service.ask("POST", "/v1/recommend", "recommend", json={"filter": f"brand == {text}"})
    assert wrong.status_code == 422
    own = service.ask("POST", "/v1/recommend", "recommend", json={"user_id": "user-03"})
    assert own.json()["items"], "all tables are there"


@pytest.mark.parametrize("name", ["../first", "first/../first", "/etc", "..", ".", "first/live"])
def test_a_release_is_no_path(service: Guarded, name: str) -> None:
    asked = service.ask("POST", "/v1/recommend", "recommend", json={})
    path = f"/v1/recommendations/{asked.json()['recommendation_id']}/rerun"
    answer = service.ask("POST", path, "admin", json={"release": name})
    assert answer.status_code == 422
    assert "There is no release" in answer.json()["detail"]


def test_a_collect_key_reads_nothing(service: Guarded) -> None:
    """It stands in web pages. What it is answered is about its own events only."""
    sent = service.ask("POST", "/v1/events", "collect", json=[EVENT | {"user_id": "user-03"}, {}])
    assert set(sent.json()) == {"accepted", "duplicates", "rejected"}
    assert "item-0" not in sent.text
    trace = service.ask("GET", "/v1/recommendations/some-id", "collect")
    assert trace.status_code == 403


def test_too_much_is_refused_before_it_is_read(service: Guarded) -> None:
    big = b"[" + b" " * LARGEST + b"]"
    assert service.ask("POST", "/v1/events", "collect", content=big).status_code == 413
    assert service.client.post("/v1/events", content=big).status_code == 401
    many = [EVENT] * 1_001
    assert service.ask("POST", "/v1/events", "collect", json=many).status_code == 422
    deep = b'{"a":' * 100_000
    assert service.ask("POST", "/v1/recommend", "recommend", content=deep).status_code == 422
    filters = {"filter": "price < 1 or " * 1_000 + "price < 1"}
    assert service.ask("POST", "/v1/recommend", "recommend", json=filters).status_code == 422


def test_markup_is_never_answered_as_markup(service: Guarded) -> None:
    naughty = "<script>alert('商品')</script>"
    for answer in (
        service.ask("POST", "/v1/similar", "recommend", json={"item_id": naughty}),
        service.ask("GET", "/v1/recommend", "recommend", params={"filter": naughty}),
        service.ask("GET", f"/{naughty}", "admin"),
        service.ask("GET", "/page/shoppers", "admin", params={"search": naughty}),
        service.ask("GET", f"/page/shoppers/{naughty}", "admin"),
    ):
        assert "json" in answer.headers["content-type"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_every_answer_carries_what_protects_browsers(service: Guarded) -> None:
    for answer in (
        service.client.get("/healthz"),
        service.client.get("/v1/recommend"),
        service.ask("POST", "/v1/recommend", "recommend", json={"n": 0}),
        service.ask("GET", "/nowhere", "admin"),
    ):
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
    assert "'self'" in service.ask("GET", "/", "admin").headers["content-security-policy"]
    assert "style-src" in service.client.get("/docs").headers["content-security-policy"]


def test_people_show_the_key_as_a_password(service: Guarded) -> None:
    """And pages from elsewhere can't use it, though browsers send it along with their requests."""
    answer = service.client.get("/")
    assert answer.headers["www-authenticate"].startswith("Basic realm=")
    assert service.client.get("/v1/recommend").headers["www-authenticate"] == "Bearer"
    word = base64.b64encode(f"anyone:{service.made['admin']}".encode()).decode()
    basic = {"Authorization": f"Basic {word}"}
    assert service.client.get("/", headers=basic).status_code == 200
    for site, status in (("same-origin", 200), ("cross-site", 401), ("", 401)):
        headers = basic | {"Sec-Fetch-Site": site}
        answer = service.client.post("/v1/recommend", json={}, headers=headers)
        assert answer.status_code == status, site


def test_a_revoked_key_is_refused(service: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "FRESH", 0.0)
    made = service.keys.create("recommend", "", "ann")
    headers = {"Authorization": f"Bearer {made}"}
    assert service.client.get("/v1/recommend", headers=headers).status_code == 200
    service.keys.revoke(made.split("_")[1], "ann")
    assert service.client.get("/v1/recommend", headers=headers).status_code == 401


def test_keys_that_can_not_be_read_let_nobody_new_in(
    service: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Keys) -> None:
        raise SQLAlchemyError("broken on purpose")

    monkeypatch.setattr(access, "FRESH", 0.0)
    assert service.ask("GET", "/v1/recommend", "recommend").status_code == 200
    monkeypatch.setattr(Keys, "all", broken)
    assert service.ask("GET", "/v1/recommend", "recommend").status_code == 200
    assert service.ask("GET", "/v1/recommend").status_code == 401


def test_what_administrators_change_is_written_down(service: Guarded) -> None:
    id_ = service.made["admin"].split("_")[1]
    service.ask("DELETE", "/v1/items/张三", "admin")
    service.ask("POST", "/v1/events", "admin", json=EVENT)
    service.ask("GET", "/metrics", "admin")
    end = time.monotonic() + 10
    while (newest := service.keys.acts(1)[0]).by != id_ and time.monotonic() < end:
        time.sleep(0.01)
    assert newest[1:] == (id_, "DELETE /v1/items/张三", "404")


def test_what_ends_in_a_defect_is_written_down_too(
    service: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("endcap.serve.people.forget", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        service.ask("DELETE", "/v1/users/ann", "admin")
    assert service.keys.acts(1)[0][2:] == ("DELETE /v1/users/{user_id}", "500")


def test_limits(shop: Shop, tmp_path: Path) -> None:
    changes = ("serve.key_rate = 0.1", "serve.key_burst = 5", "serve.address_rate = 0.1")
    for service in guarded(shop, tmp_path, *changes, "serve.address_burst = 3"):
        asked = [service.ask("GET", "/v1/recommend", "recommend").status_code for _ in range(6)]
        assert asked == [200] * 5 + [429]
        answer = service.ask("GET", "/v1/recommend", "recommend")
        assert 1 <= int(answer.headers["retry-after"]) <= 10
        assert answer.json()["title"] == "Too Many Requests"
        # One address: guesses and events from pages count together.
        assert [service.ask("GET", "/metrics").status_code for _ in range(2)] == [401] * 2
        sent = [service.ask("POST", "/v1/events", "collect", json=EVENT) for _ in range(2)]
        assert [one.status_code for one in sent] == [202, 429]
        assert service.ask("GET", "/metrics").status_code == 429
        assert service.ask("GET", "/metrics", "admin").status_code == 200
        assert service.client.get("/healthz").status_code == 200


def test_only_named_sites_may_call_from_their_pages(shop: Shop, tmp_path: Path) -> None:
    origins = "serve.origins = ['https://shop.example']"
    for service in guarded(shop, tmp_path, origins):
        asks = {"Access-Control-Request-Method": "POST"}
        asks |= {"Access-Control-Request-Headers": "authorization"}
        for site, allowed in (("https://shop.example", True), ("https://evil.example", False)):
            origin = {"Origin": site}
            before = service.client.options("/v1/events", headers=asks | origin)
            assert (before.status_code == 200) == allowed
            sent = service.ask("POST", "/v1/events", "collect", json=EVENT, headers=origin)
            shown = sent.headers.get("access-control-allow-origin")
            assert shown == (site if allowed else None)
            assert "access-control-allow-credentials" not in sent.headers


def test_without_keys_only_this_machine_is_served(shop: Shop, tmp_path: Path) -> None:
    """Not a page from elsewhere either, through a browser or a name that points here."""
    copied = shutil.copytree(shop.folder, tmp_path / "s", ignore=shutil.ignore_patterns("live*"))
    own = Shop.open(copied, QUICK)
    current = Current(own, LiveEvents.open(own.live), clock=lambda: NOW)
    with TestClient(create(current, local=True), base_url="http://127.0.0.1:8765") as client:
        assert client.post("/v1/events", json=EVENT).status_code == 202
        for host in ("evil.example", "evil.example:8765", "127.0.0.1.evil.example", ""):
            answer = client.post("/v1/events", json=EVENT, headers={"Host": host})
            assert answer.status_code == 421, host
        elsewhere = {"Sec-Fetch-Site": "cross-site"}
        assert client.post("/v1/events", json=EVENT, headers=elsewhere).status_code == 403
        for host in ("localhost:8765", "[::1]:8765", "127.0.0.1"):
            assert client.get("/v1/recommend", headers={"Host": host}).status_code in (200, 503)


def test_addresses_of_a_network_of_version_6_are_one() -> None:
    assert access._net("2001:db8::1") == access._net("2001:db8::ffff:2") == "2001:db8::/64"
    assert access._net("203.0.113.7") == "203.0.113.7"
    assert access._net("unix") == "unix"


def test_addresses_of_version_4_are_each_someone_however_they_are_written() -> None:
    assert access._net("::ffff:192.0.2.1") == access._net("192.0.2.1")
    assert access._net("::ffff:192.0.2.1") != access._net("::ffff:192.0.2.2")
