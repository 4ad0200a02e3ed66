"""Traces: whose they are, what is in them, and where they go."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from starlette.testclient import TestClient

from endcap.cli.app import run
from endcap.config import Shop
from endcap.serve.app import create
from endcap.serve.current import Current
from endcap.serve.spans import Spans
from endcap.store.events import LiveEvents
from tests.serve.shops import NOW, QUICK

pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")
receiver = pytest.importorskip(
    "opentelemetry.exporter.otlp.proto.http", reason="the extra otel is not installed"
)

TRACE, PARENT = 0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7

CALLED = {"traceparent": f"00-{TRACE:032x}-{PARENT:016x}-01"}

TRACES = "serve.traces = true"


@contextmanager
def serving(shop: Shop, spans: Spans | None = None) -> Iterator[TestClient]:
    current = Current(shop, LiveEvents.open(shop.live), clock=lambda: NOW)
    current.refresh()
    with TestClient(create(current, spans=spans), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def made(own: Shop) -> list[Any]:
    """The spans of a few requests."""
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    kept = InMemorySpanExporter()
    with serving(own, Spans(kept)) as client:
        body = {"user_id": "user-03", "context": {"device": "phone"}}
        assert client.post("/v1/recommend", json=body, headers=CALLED).status_code == 200
        client.put("/v1/users/somebody", json={})
        client.get("/v1/recommend?user_id=user-03&placement=nowhere")
        client.get("/healthz")
    return list(kept.get_finished_spans())


def named(made: list[Any], name: str) -> list[Any]:
    return [span for span in made if span.name == name]


def test_a_request_goes_on_with_the_trace_that_it_names(made: list[Any]) -> None:
    [request] = named(made, "POST /v1/recommend")
    assert (request.context.trace_id, request.parent.span_id) == (TRACE, PARENT)
    assert request.kind.name == "SERVER"
    assert dict(request.attributes) == {
        "http.request.method": "POST",
        "http.route": "/v1/recommend",
        "http.response.status_code": 200,
    }
    [other] = named(made, "GET /healthz")
    assert other.parent is None
    assert other.context.trace_id != TRACE


def test_its_stages_stand_in_it_one_after_the_other(made: list[Any]) -> None:
    [request] = named(made, "POST /v1/recommend")
    own = [one for one in made if one.parent and one.parent.span_id == request.context.span_id]
    names = [one.name for one in sorted(own, key=lambda one: one.start_time)]
    assert names[0] == "history"
    assert names[-1] == "telling"
    assert {"restrict", "popular", "neighbours", "join", "ranker", "rules"} < set(names)
    assert all(one.context.trace_id == TRACE for one in own)
    for one in own:
        assert request.start_time <= one.start_time <= one.end_time <= request.end_time


def test_nobody_is_named_and_what_failed_is_marked(made: list[Any]) -> None:
    whole = str([(span.name, dict(span.attributes)) for span in made])
    assert "user-03" not in whole
    assert "somebody" not in whole
    [wrong] = named(made, "GET /v1/recommend")
    assert wrong.attributes["http.response.status_code"] == 422
    assert wrong.status.status_code.name == "UNSET"  # the caller's mistake


def test_what_the_service_fails_at_is_an_error(bare: Shop) -> None:
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    kept = InMemorySpanExporter()
    with serving(bare, Spans(kept)) as client:
        assert client.get("/v1/recommend").status_code == 503
    [span] = kept.get_finished_spans()
    assert span.status.status_code.name == "ERROR"


def test_they_go_where_the_environment_says(own: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    came: list[tuple[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            came.append((self.path, ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        where = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", where)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "our-shop")
        with serving(Shop.open(own.folder, (*QUICK, TRACES))) as client:
            assert client.post("/v1/recommend", json={}, headers=CALLED).status_code == 200
        server.shutdown()
    assert {path for path, _ in came} == {"/v1/traces"}
    groups = [group for _, sent in came for group in sent.resource_spans]
    named = {one.key: one.value.string_value for one in groups[0].resource.attributes}
    assert named["service.name"] == "our-shop"
    spans = [span for group in groups for scope in group.scope_spans for span in scope.spans]
    assert {span.trace_id for span in spans} == {TRACE.to_bytes(16)}
    assert {"POST /v1/recommend", "ranker"} <= {span.name for span in spans}


def test_by_default_there_are_none(own: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Spans, "__init__", lambda *_: pytest.fail("traces were begun"))
    with serving(own) as client:
        assert client.post("/v1/recommend", json={}).status_code == 200


def test_without_the_extra_the_service_says_what_to_install(
    own: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (own.folder / "endcap.toml").write_text("[serve]\ntraces = true\n")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http", None)
    assert run(["serve", "--shop", str(own.folder), "--port", "0"]) == 1
    said = capsys.readouterr().err
    assert "serve.traces = true needs opentelemetry.exporter.otlp.proto.http" in said
    assert "pip install 'endcap[otel]'" in said
