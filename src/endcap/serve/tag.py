"""The browser tag: a small script by which a shop's pages tell what visitors do."""

from __future__ import annotations

import re
from importlib.resources import files

from fastapi import Response

HEADERS = {
    "Cache-Control": "public, max-age=3600",
    # Pages of the shop load it from here, with whatever name the service has.
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Access-Control-Allow-Origin": "*",
}

SCRIPT = re.sub(
    r"^\s*//.*\n|^\s+",
    "",
    files("endcap.serve").joinpath("tag.js").read_text(encoding="utf-8"),
    flags=re.MULTILINE,
)
"""Without what is there for people alone."""


def tag() -> Response:
    """As the service answers."""
    return Response(SCRIPT, media_type="text/javascript", headers=HEADERS)
