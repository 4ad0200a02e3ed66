"""The HTTP service: its endpoints, one function each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Path, Query, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.middleware.cors import CORSMiddleware

from endcap.serve import items, people, problems, reference
from endcap.serve.answers import recommend, similar
from endcap.serve.asking import loaded
from endcap.serve.bodies import body, described, parsed, read
from endcap.serve.collect import collect
from endcap.serve.current import Current
from endcap.serve.door import Door
from endcap.serve.guard import Guard
from endcap.serve.incoming import Event
from endcap.serve.meters import Meters, Timed
from endcap.serve.questions import Ask, Like, Look, Rerun, Why
from endcap.serve.tag import tag
from endcap.serve.traces import explain, rerun, trace
from endcap.store.keys import Keys

Body = Annotated[bytes, Depends(body)]
AnswerId = Annotated[str, Path(description="what an answer said of itself")]


def create(current: Current, *, local: bool = False) -> FastAPI:
    """The service of a shop. It follows the live release while it runs.

    local: whether only this machine can reach it; see `Door`.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        current.start()
        yield
        current.stop()

    app = FastAPI(
        title="Endcap",
        version=version("endcap"),
        description="Recommendations for a shop, and the events that they learn from.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    meters = Meters()
    problems.install(app)
    reference.install(app)
    settings = current.shop.config.serve
    door = Door(Keys(current.live.database), settings, local=local)
    app.add_middleware(Guard, door=door)
    app.add_middleware(Timed, meters=meters)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
        )
    app.include_router(_shop(current, meters))
    app.include_router(items.router(current))
    app.include_router(people.router(current))
    app.include_router(_operations(current, meters))
    return app


def _shop(current: Current, meters: Meters) -> APIRouter:
    """What a shop calls. Plain functions: they run on a pool of threads, off the event loop."""
    router = APIRouter(prefix="/v1")

    @router.post("/events", status_code=202, openapi_extra=described(Event, many=True))
    def post_events(text: Body) -> JSONResponse:
        """Send one event, or a list of up to 1,000. 202 means that they are on the disk."""
        answer = collect(current, parsed(text))
        for outcome in ("accepted", "duplicates"):
            meters.events.labels(outcome).inc(answer[outcome])
        meters.events.labels("rejected").inc(len(answer["rejected"]))
        return JSONResponse(answer, 202)

    def answered(look: Look) -> JSONResponse:
        answer = recommend(current, look)
        meters.answers.labels(answer["path"]).inc()
        return JSONResponse(answer)

    @router.post("/recommend", openapi_extra=described(Ask))
    def post_recommend(text: Body) -> JSONResponse:
        """Items for a visitor. Someone unknown gets an answer too."""
        return answered(read(Ask, parsed(text)))

    @router.get("/recommend")
    def get_recommend(look: Annotated[Look, Query()]) -> JSONResponse:
        """The same, for a quick look."""
        return answered(look)

    @router.post("/similar", openapi_extra=described(Like))
    def post_similar(text: Body) -> JSONResponse:
        """Items that go with an item."""
        return JSONResponse(similar(current, read(Like, parsed(text))))

    @router.get("/similar")
    def get_similar(like: Annotated[Like, Query()]) -> JSONResponse:
        """The same, for a quick look."""
        return JSONResponse(similar(current, like))

    @router.post("/explain", openapi_extra=described(Why))
    def post_explain(text: Body) -> JSONResponse:
        """Why an item is, or is not, shown to a visitor: what forbids it, who proposes it, and its
        place after each step."""
        return JSONResponse(explain(current, read(Why, parsed(text))))

    @router.get("/recommendations/{recommendation_id}")
    def get_recommendation(recommendation_id: AnswerId) -> JSONResponse:
        """How an answer came about: who proposed each item and at what place, and the rules that
        moved or removed it."""
        return JSONResponse(trace(current, recommendation_id))

    @router.post("/recommendations/{recommendation_id}/rerun", openapi_extra=described(Rerun))
    def post_rerun(recommendation_id: AnswerId, text: Body) -> JSONResponse:
        """What another release would have answered to the same question at the same moment, and
        the difference."""
        return JSONResponse(rerun(current, recommendation_id, read(Rerun, parsed(text))))

    return router


def _operations(current: Current, meters: Meters) -> APIRouter:
    """What those who run the service call."""
    router = APIRouter()

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process is alive."""
        return {"status": "ok"}

    @router.get("/readyz")
    async def readyz() -> dict[str, str]:
        """A release is loaded, so recommendations are answered; 503 until then."""
        return {"status": "ready", "release": loaded(current).release}

    @router.get("/tag.js", response_class=Response)
    async def tag_js() -> Response:
        """The browser tag, for `<script>` in the pages of the shop. Anyone may load it."""
        return tag()

    @router.get("/metrics", response_class=Response)
    def metrics() -> Response:
        """Figures for Prometheus."""
        release = current.loaded.release if current.loaded else None
        return Response(meters.text(release), media_type=CONTENT_TYPE_LATEST)

    return router
