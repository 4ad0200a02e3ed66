"""The page /docs: the endpoints as openapi.json has them, without any network."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from endcap.leaflet import template

_PAGE = template("endcap.serve", "reference.html")

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
"""The page brings its own style, and nothing else."""


def install(app: FastAPI) -> None:
    """Serve the page."""

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        api = app.openapi()
        page = _PAGE.render(info=api["info"], endpoints=_endpoints(api))
        return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})


def _endpoints(api: dict[str, Any]) -> list[dict[str, Any]]:
    """Each method of each path: what it does, and the fields that it takes."""
    return [
        {
            "method": method.upper(),
            "path": path,
            "text": operation.get("description", ""),
            "fields": _parameters(operation) + _body(operation),
        }
        for path, operations in api["paths"].items()
        for method, operation in operations.items()
    ]


def _parameters(operation: dict[str, Any]) -> list[dict[str, str]]:
    return [
        _field(one["name"], one["schema"] | {"description": one.get("description", "")})
        for one in operation.get("parameters", [])
    ]


def _body(operation: dict[str, Any]) -> list[dict[str, str]]:
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    one = schema.get("anyOf", [schema])[0]
    return [_field(name, value) for name, value in one.get("properties", {}).items()]


def _field(name: str, schema: dict[str, Any]) -> dict[str, str]:
    kinds = [one.get("type", "") for one in schema.get("anyOf", [schema])]
    return {
        "name": name,
        "type": " or ".join(kind for kind in kinds if kind and kind != "null"),
        "text": schema.get("description", ""),
    }
