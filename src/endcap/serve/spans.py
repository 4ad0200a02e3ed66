"""Traces for OpenTelemetry: a span for each request, and in it one for each stage of its answer.

A request that says of which trace it is (W3C `traceparent`) goes on with that. Where spans go, and
how many of the requests have any, is for the environment to say: `OTEL_EXPORTER_OTLP_ENDPOINT`,
`OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER` and the other variables of the standard.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from endcap.errors import ConfigError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

NAME = "endcap"
"""Of the service, where the environment gives none."""


def require() -> None:
    """Raises ConfigError where the extra is missing."""
    for module in ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http"):
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"serve.traces = true needs {error.name}",
                mend="Run `pip install 'endcap[otel]'`, or leave out the setting",
            ) from error


class Spans:
    """Makes spans and sends them off in the background."""

    def __init__(self, exporter: SpanExporter | None = None) -> None:
        """exporter: where spans go instead of where the environment says. Raises ConfigError where
        the extra is missing."""
        require()
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        os.environ.setdefault("OTEL_SERVICE_NAME", NAME)
        self._trace, self._propagator = trace, TraceContextTextMapPropagator()
        self._provider = TracerProvider(resource=Resource.create(), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer(NAME)

    def request(self, method: str, headers: Headers) -> Span:
        """Begin the span of a request."""
        return self._tracer.start_span(
            method,
            self._propagator.extract(dict(headers)),
            self._trace.SpanKind.SERVER,
            {"http.request.method": method},
        )

    def stages(self, requests: Iterable[Span], seconds: Mapping[str, float]) -> None:
        """Stages that have just come to their end, one after the other, for all of some
        requests."""
        begin = time.time_ns() - round(sum(seconds.values()) * 1e9)
        for request in requests:
            within, at = self._trace.set_span_in_context(request), begin
            for stage, took in seconds.items():
                span = self._tracer.start_span(stage, within, start_time=at)
                at += round(took * 1e9)
                span.end(at)

    def end(self, span: Span, method: str, endpoint: str, status: int) -> None:
        """The end of a request. endpoint: the pattern, not the path: users stand in paths, and are
        nobody's who reads traces."""
        span.update_name(f"{method} {endpoint}")
        span.set_attributes({"http.route": endpoint, "http.response.status_code": status})
        if status >= 500:
            span.set_status(self._trace.StatusCode.ERROR)
        span.end()

    def close(self) -> None:
        """Send off what is still here."""
        self._provider.shutdown()
