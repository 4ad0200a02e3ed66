"""What the service writes about itself."""

from __future__ import annotations

import json
import logging
import sys

import pytest
from starlette.testclient import TestClient

from endcap.serve.logs import Json, access, request_id


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
