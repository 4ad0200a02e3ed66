"""What those who run the service call: metrics, the reference, errors in general."""

from __future__ import annotations

import re

from starlette.testclient import TestClient

VIEW = {"event_type": "view", "user_id": "mia", "item_id": "item-01"}


def test_metrics_count_requests_answers_and_events(client: TestClient) -> None:
    client.post("/v1/events", json=[VIEW | {"event_id": "metrics"}, {}])
    client.get("/v1/recommend?user_id=mia")
    client.get("/no/such/page")
    text = client.get("/metrics").text
    assert re.search(r'endcap_events_total\{outcome="accepted"\} [1-9]', text)
    assert re.search(r'endcap_events_total\{outcome="rejected"\} [1-9]', text)
    assert re.search(r'endcap_answers_total\{path="full"\} [1-9]', text)
    assert 'endcap_release{release="first"} 1.0' in text
    count = "endcap_request_seconds_count"
    assert f'{count}{{endpoint="/v1/recommend",method="GET",status="200"}}' in text
    assert f'{count}{{endpoint="other",method="GET",status="404"}}' in text


def test_the_reference_lists_every_endpoint_without_any_network(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    page = client.get("/docs")
    assert page.status_code == 200
    for path in paths:
        assert path in page.text
    assert "//" not in page.text.replace("https://github.com", "")
    assert {"/v1/events", "/v1/recommend", "/v1/similar", "/healthz"} <= set(paths)


def test_every_endpoint_and_field_is_described(client: TestClient) -> None:
    page = client.get("/docs").text
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        for operation in operations.values():
            assert operation["description"], path
    assert re.findall(r"<tr><td>(\w+)</td><td>.*</td><td></td>", page) == []
    assert "<td>placement</td>" in page


def test_a_wrong_path_or_method_is_a_problem_too(client: TestClient) -> None:
    for answer in (client.get("/v2/recommend"), client.put("/v1/events")):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
    assert client.put("/v1/events").headers["allow"] == "POST"
