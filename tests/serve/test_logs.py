"""What the service writes about itself."""

from __future__ import annotations

import json
import logging
import sys

import pytest
from starlette.testclient import TestClient

from endcap.config import Shop
from endcap.serve.logs import Json, access, request_id
from tests.serve.shops import QUICK, serving


def test_an_answer_carries_the_id_of_its_request(client: TestClient) -> None:
    own = client.get("/healthz", headers={"X-Request-Id": "shop-7"})
    assert own.headers["x-request-id"] == "shop-7"
    made = client.get("/healthz").headers["x-request-id"]
    assert made != client.get("/healthz").headers["x-request-id"]
    forged = client.get("/healthz", headers={"X-Request-Id": "a b; {}"})
    assert forged.headers["x-request-id"] != "a b; {}"


def test_a_line_about_a_request_names_no_visitor(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, access.name):
        client.get("/v1/recommend?user_id=secret-visitor")
    [line] = [one for one in caplog.records if one.name == access.name]
    assert "GET /v1/recommend 200" in line.getMessage()
    assert "secret-visitor" not in Json().format(line)


def test_lines_are_json_with_the_id_and_the_cause() -> None:
    token = request_id.set("r1")
    try:
        raise ValueError("broken")
    except ValueError:
        cause = sys.exc_info()
    record = logging.LogRecord("endcap.serve", logging.ERROR, "", 0, "It %s", ("failed",), cause)
    line = json.loads(Json().format(record))
    request_id.reset(token)
    assert {line["level"], line["message"], line["request_id"]} == {"error", "It failed", "r1"}
    assert "ValueError: broken" in line["exception"]


def test_a_path_cannot_write_lines_of_its_own(own: Shop, caplog: pytest.LogCaptureFixture) -> None:
    full = Shop.open(own.folder, (*QUICK, "serve.log_requests = 'full'"))
    with serving(full) as (client, _), caplog.at_level(logging.INFO, access.name):
        client.get("/v1/items/a%0AGET /forged 200?x=1")
    [line] = [one.getMessage() for one in caplog.records if one.name == access.name]
    assert line.startswith("GET /v1/items/a%0AGET%20/forged%20200?x=1 404 ")
