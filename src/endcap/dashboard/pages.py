"""The page for people: pick a shopper, see what they bought and what they would be shown.

What would be shown, the page asks of the same endpoints that a shop calls. Here are only the
page itself and what no shop needs: the list of shoppers and what they did.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from endcap.config import Config
from endcap.dashboard.shoppers import Shoppers
from endcap.store.visitors import Visitors

Source: TypeAlias = Callable[[], Visitors | None]
Answer: TypeAlias = Callable[[Request, Exception], Awaitable[Response]]

HERE = Path(__file__).parent

PLACEMENTS = {
    "home": "For you",
    "discover": "New to you",
    "buy_again": "Buy again",
    "trending": "Trending",
}
"""What the page can show, where the shop has such a placement."""

# Nothing on the page comes from, or goes to, anywhere else.
POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'"


def mount(app: FastAPI, config: Config, source: Source) -> None:
    """Put the page at `/`. source: what visitors did, None until a release is loaded.

    Whoever asks for a page that there is not, in a browser, gets one that says so.
    """
    templates = Environment(loader=FileSystemLoader(HERE), autoescape=True)
    lost = templates.get_template("lost.html").render()
    problem: Any = app.exception_handlers[HTTPException]
    app.add_exception_handler(404, _lost(lost, problem))
    shown = {name: title for name, title in PLACEMENTS.items() if name in config.placements}
    page = templates.get_template("page.html").render(shop=config.name, placements=shown)
    app.mount("/assets", StaticFiles(directory=HERE / "assets"), name="assets")
    app.include_router(_router(page, _following(source)))


def _router(page: str, shoppers: Callable[[], Shoppers]) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def index() -> HTMLResponse:
        return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})

    @router.get("/page/shoppers")
    def find(search: str = "") -> list[dict[str, Any]]:
        return shoppers().find(search)

    @router.get("/page/shoppers/{key:path}")
    def past(key: str) -> dict[str, Any]:
        return shoppers().past(key)

    return router


def _lost(page: str, otherwise: Answer) -> Answer:
    """What answers where there is nothing: a page for people, and for programs what else does."""

    async def answer(request: Request, error: Exception) -> Response:
        people = "text/html" in request.headers.get("accept", "") and request.method == "GET"
        if people and not request.url.path.startswith("/v1/"):
            return HTMLResponse(page, 404, headers={"Content-Security-Policy": POLICY})
        return await otherwise(request, error)

    return answer


def _following(source: Source) -> Callable[[], Shoppers]:
    """The shoppers of whatever release is live; what was counted of them is kept meanwhile."""
    made: Shoppers | None = None

    def shoppers() -> Shoppers:
        nonlocal made
        visitors = source()
        if visitors is None:
            raise HTTPException(503, "No release is loaded yet")
        if made is None or made.visitors is not visitors:
            made = Shoppers(visitors)
        return made

    return shoppers
