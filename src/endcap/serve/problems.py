"""Errors as `application/problem+json` (RFC 9457), with the field and the value at fault."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from endcap.errors import EndcapError

log = logging.getLogger("endcap.serve")

LONG = 200
"""Characters of a wrong value that are given back."""

EXTENT = 20
"""Errors that an answer lists at most."""


class Problem(Exception):  # noqa: N818, the word of the RFC
    """A request that cannot be answered, and why.

    errors: ``{"field", "value", "detail"}`` for each wrong field.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        errors: list[dict[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors, self.headers = status, detail, errors, headers

    def response(self) -> JSONResponse:
        content: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            content["errors"] = self.errors[:EXTENT]
        media = "application/problem+json"
        return JSONResponse(content, self.status, dict(self.headers or {}), media_type=media)


SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what is wrong, for people"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "value", "detail"],
                "properties": {
                    "field": {"type": "string"},
                    "value": {},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}

ANYWHERE = (401, 403, 413, 421, 422, 429, 500, 503)
"""Refusals that any endpoint may answer with."""


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Refusals, for openapi.json."""
    content = {"application/problem+json": {"schema": SCHEMA}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in statuses
    }


def later(status: int, detail: str, seconds: int = 1) -> Problem:
    """What may be asked again after some seconds."""
    return Problem(status, detail, headers={"Retry-After": str(seconds)})


def wrong(field: str, value: Any, detail: str, **more: Any) -> Problem:
    """A 422 about one field. more: what else there is to say of the error."""
    error = {"field": field, "value": short(value), "detail": detail, **more}
    return Problem(422, sentence(error), [error])


def missing(kind: str, id_: str, field: str = "") -> Problem:
    """A 404 about an item, a user or an answer. field: that names it, `KIND_id` by default."""
    error = {"field": field or f"{kind}_id", "value": short(id_)}
    detail = {"detail": f"there is no such {kind}"}
    return Problem(404, f"There is no {kind} {short(id_)!r}.", [error | detail])


def explained(error: ValidationError | RequestValidationError) -> list[dict[str, Any]]:
    """Each wrong field of a request, its value, and what is allowed."""
    return [
        {
            "field": ".".join(str(part) for part in one["loc"] if part not in ("query", "body")),
            "value": None if one["type"] == "missing" else short(one.get("input")),
            "detail": str(one["msg"]).removeprefix("Value error, "),
        }
        for one in error.errors()
    ]


def sentence(error: Mapping[str, Any]) -> str:
    """
    >>> sentence({"field": "n", "value": 0, "detail": "Input should be at least 1"})
    'n = 0: Input should be at least 1'
    """
    shown = f"{error['field']} = {error['value']!r}: " if error["field"] else ""
    return f"{shown}{error['detail']}"


def told(error: ValidationError) -> str:
    """What pydantic found, in a line."""
    return "; ".join(map(sentence, explained(error)))


def refused(error: ValidationError | RequestValidationError) -> Problem:
    """A 422 from what pydantic found."""
    errors = explained(error)
    return Problem(422, "; ".join(map(sentence, errors[:EXTENT])), errors)


def short(value: Any) -> Any:
    """A value that an answer can carry: plain, and not long."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= LONG else f"{text[:LONG]}…"


def install(app: FastAPI) -> None:
    """Answer every error as a problem."""
    known = (Problem, RequestValidationError, HTTPException, EndcapError, SQLAlchemyError)
    for kind in (*known, Exception):
        app.add_exception_handler(kind, _answer)


async def _answer(request: Request, error: Exception) -> JSONResponse:
    return _problem(request, error).response()


def _problem(request: Request, error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return refused(error)
        case HTTPException():
            detail = f"{request.method} {request.url.path}: {error.detail}"
            return Problem(error.status_code, detail, headers=error.headers)
        case EndcapError():
            return Problem(503, str(error))
        case SQLAlchemyError():
            log.error("The store failed: %s", error)  # without a traceback: there may be many
            detail = "The store can't be written or read just now. Nothing was kept; send it again."
            return later(503, detail)
    log.error("A defect in %s", request.url.path, exc_info=error)
    return Problem(500, "A defect of ours; the log of the service says more.")
