"""What is measured of the service, for Prometheus."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from endcap.serve import logs
from endcap.serve.loaded import Loaded
from endcap.serve.spans import Spans

if TYPE_CHECKING:
    from opentelemetry.trace import Span

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Meters:
    """The meters of one service, in a registry of their own.

    spans: who is told what each stage took of which requests, None for nobody.
    """

    def __init__(self, spans: Spans | None = None) -> None:
        self.spans = spans
        self.registry = CollectorRegistry()
        count = partial(Counter, registry=self.registry)
        gauge = partial(Gauge, registry=self.registry)
        timed = partial(Histogram, registry=self.registry, buckets=BUCKETS)
        self.seconds = timed(
            "endcap_request_seconds",
            "Seconds from request to answer",
            ["method", "endpoint", "status"],
        )
        self.answers = count(
            "endcap_answers", "Recommendations, by the path that was taken", ["path"]
        )
        self.events = count(
            "endcap_events", "Events that came in, by what became of them", ["outcome"]
        )
        self.stages = timed(
            "endcap_stage_seconds",
            "Seconds of each stage of an answer, for all requests that it answered at once",
            ["stage"],
        )
        self.together = timed(
            "endcap_answered_together",
            "Requests that were answered at once",
            buckets=(1, 2, 4, 8, 16, 32, 64),
        )
        self.waited = timed("endcap_waited_seconds", "Seconds that the first of them had waited")
        self.release = gauge("endcap_release", "1 for the live release", ["release"])
        self.until = gauge(
            "endcap_learned_until_seconds",
            "Since 1970, until when the release has learned from everything",
        )
        self.learned = gauge(
            "endcap_learned_event", "Number of the newest live event that it was taught"
        )

    def met(self, count: int, waited: float) -> None:
        """Requests that came together."""
        self.together.observe(count)
        self.waited.observe(waited)

    def took(self, seconds: Mapping[str, float], requests: Iterable[Span | None] = ()) -> None:
        """What each stage took that has just come to its end. requests: the spans of those that
        were answered."""
        for stage, took in seconds.items():
            self.stages.labels(stage).observe(took)
        if self.spans is not None:
            self.spans.stages((one for one in requests if one is not None), seconds)

    def text(self, loaded: Loaded | None) -> bytes:
        self.release.clear()
        if loaded:
            self.release.labels(loaded.release).set(1)
            self.until.set(loaded.until / 1e6)
            self.learned.set(loaded.learned)
        return generate_latest(self.registry)


class Timed:
    """Gives each request its id, and measures it from its start to the end of its answer.

    Where there are spans, each request has one, which others find in its scope as `span`.
    paths: whether the log may say what exactly was asked for.
    """

    def __init__(self, app: ASGIApp, meters: Meters, *, paths: bool = False) -> None:
        self.app, self.meters, self.paths = app, meters, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, status, headers = time.perf_counter(), 500, Headers(scope=scope)
        id_ = logs.identify(headers.get("x-request-id", ""))
        if self.meters.spans is not None:
            scope["span"] = self.meters.spans.request(scope["method"], headers)

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", id_.encode())]
            await send(message)

        try:
            await self.app(scope, receive, watched)
        finally:
            self._note(scope, status, time.perf_counter() - start)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        # The pattern, not the path: a label a product would be one series a product.
        endpoint = getattr(scope.get("route"), "path", "other")
        if self.meters.spans is not None:
            self.meters.spans.end(scope["span"], scope["method"], endpoint, status)
        self.meters.seconds.labels(scope["method"], endpoint, status).observe(seconds)
        if logs.access.isEnabledFor(logging.INFO):
            path = _asked_for(scope) if self.paths else None
            logs.answered(scope["method"], endpoint, path, status, seconds)


def _asked_for(scope: Scope) -> str:
    """Path and query, quoted: as it is decoded, a path may put lines of its own into the log."""
    path, query = quote(scope["path"]), scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path
