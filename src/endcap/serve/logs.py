"""What the service writes about itself: lines for people, or JSON for machines.

Each request has an id: that of its header `X-Request-Id`, or a new one. It stands in the answer's
header and in every line about the request, so that one can be followed through several services.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

from endcap.config import Serve

access = logging.getLogger("endcap.access")

FORM = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
"""Of an id that is taken over; another could put lines of its own into the log."""

request_id: ContextVar[str] = ContextVar("request_id", default="")


def identify(given: str) -> str:
    """The id of a request, which is from now on in every line about it.

    >>> identify("from-the-proxy.1"), len(identify("two\\nlines"))
    ('from-the-proxy.1', 16)
    """
    id_ = given if FORM.fullmatch(given) else secrets.token_hex(8)
    request_id.set(id_)
    return id_


def begin(settings: Serve) -> None:
    """Write as the settings say, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Json() if settings.log == "json" else logging.Formatter("%(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    access.setLevel(logging.WARNING if settings.log_requests == "none" else logging.INFO)


class Json(logging.Formatter):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get() or None,
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(
            {name: value for name, value in line.items() if value is not None}, ensure_ascii=False
        )


def answered(method: str, endpoint: str, path: str | None, status: int, seconds: float) -> None:
    """A line about a request. path: as it was asked for, None where the log is to hold nothing of
    visitors, whose ids stand in it."""
    fields = {
        "method": method,
        "endpoint": endpoint,
        "path": path,
        "status": status,
        "milliseconds": round(1e3 * seconds, 2),
    }
    text = f"{method} {path or endpoint} {status} {1e3 * seconds:.1f} ms"
    access.info(text, extra={"fields": fields})
