"""The HTTP service: its endpoints, one function each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, FastAPI, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

from endcap.config import Serve
from endcap.serve import items, people, problems, reference
from endcap.serve.access import Access
from endcap.serve.answers import Heard, recommend, similar
from endcap.serve.bodies import Body, described, parsed, read
from endcap.serve.collect import collect
from endcap.serve.current import Current
from endcap.serve.event_schema import Event
from endcap.serve.guard import Guard
from endcap.serve.meters import Meters, Timed
from endcap.serve.paging import going_on
from endcap.serve.queries import loaded
from endcap.serve.rank import rank
from endcap.serve.reason_texts import spoken
from endcap.serve.request_schemas import Ask, Like, Look, Rank, Rerun, Why
from endcap.serve.shadow import Shadow
from endcap.serve.spans import Spans
from endcap.serve.tag import tag
from endcap.serve.together import Together
from endcap.serve.traces import explain, rerun, trace
from endcap.store.keys import Keys
from endcap.store.shadows import Shadows

Accepted = Annotated[str | None, Header(description="the language of reasons: en or zh")]
AnswerId = Annotated[str, Path(description="what an answer said of itself")]


def create(current: Current, *, local: bool = False, spans: Spans | None = None) -> FastAPI:
    """The service of a shop. It follows the live release while it runs.

    local: whether only this machine can reach it; see `Access`.
    spans: who makes traces, where it is not as the settings say.
    """

    settings = current.shop.config.serve
    if spans is None and settings.traces:
        spans = Spans()
    meters = Meters(spans)
    shadow = Shadow(Shadows(current.live.database), lambda: current.shadow)
    answers = Together(
        partial(recommend, current, meters, shadow), settings.together, settings.waiting, meters.met
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        for one in (current, shadow, answers):
            one.start()
        yield
        for one in (answers, shadow, current):
            one.stop()
        if spans is not None:
            spans.close()

    app = FastAPI(
        title="Endcap",
        version=version("endcap"),
        description="Recommendations for a shop, and the events that they learn from.",
        lifespan=lifespan,
        responses=problems.documented(*problems.ANYWHERE),
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    reference.install(app)
    access = Access(Keys(current.live.database), settings, current.shop.folder, local=local)
    _pass_through(app, access, meters, settings)
    app.include_router(_shop(current, meters, answers))
    app.include_router(items.router(current))
    app.include_router(people.router(current))
    app.include_router(_operations(current, meters))
    return app


def _pass_through(app: FastAPI, access: Access, meters: Meters, settings: Serve) -> None:
    """What every request passes, from the inside to the outside."""
    app.add_middleware(Guard, access=access)
    app.add_middleware(Timed, meters=meters, paths=settings.log_requests == "full")
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
        )


def _shop(current: Current, meters: Meters, answers: Together[Heard, bytes]) -> APIRouter:
    """What a shop calls. Plain functions run on a pool of threads, off the event loop."""
    router = APIRouter(prefix="/v1")

    @router.post("/events", status_code=202, openapi_extra=described(Event, many=True))
    async def post_events(text: Body) -> JSONResponse:
        """Send one event, or a list of up to 1,000. 202 means that they are on the disk."""
        answer = await collect(current, text)
        for outcome in ("accepted", "duplicates"):
            meters.events.labels(outcome).inc(answer[outcome])
        meters.events.labels("rejected").inc(len(answer["rejected"]))
        return JSONResponse(answer, 202)

    async def answered(request: Request, look: Look, accepted: str | None) -> Response:
        if look.explain and look.language is None:
            look = look.model_copy(update={"language": spoken(accepted)})
        if look.after is not None:  # the page before may have to be waited for
            look = await run_in_threadpool(going_on, current, look)
        text = await answers.ask(Heard(look, request.scope.get("span")))
        return Response(text, media_type="application/json")

    @router.post("/recommend", openapi_extra=described(Ask), response_class=JSONResponse)
    async def post_recommend(
        request: Request, text: Body, accept_language: Accepted = None
    ) -> Response:
        """Items for a visitor. Someone unknown gets an answer too."""
        return await answered(request, read(Ask, parsed(text)), accept_language)

    @router.get("/recommend", response_class=JSONResponse)
    async def get_recommend(
        request: Request, look: Annotated[Look, Query()], accept_language: Accepted = None
    ) -> Response:
        """The same, for a quick look."""
        return await answered(request, look, accept_language)

    @router.post("/rank", openapi_extra=described(Rank))
    def post_rank(text: Body) -> JSONResponse:
        """The same items, best first for a visitor; those that are unknown come last."""
        return JSONResponse(rank(current, read(Rank, parsed(text))))

    @router.post("/similar", openapi_extra=described(Like), responses=problems.documented(404))
    def post_similar(text: Body) -> JSONResponse:
        """Items that go with an item."""
        return JSONResponse(similar(current, read(Like, parsed(text))))

    @router.get("/similar", responses=problems.documented(404))
    def get_similar(like: Annotated[Like, Query()]) -> JSONResponse:
        """The same, for a quick look."""
        return JSONResponse(similar(current, like))

    @router.post("/explain", openapi_extra=described(Why), responses=problems.documented(404))
    def post_explain(text: Body) -> JSONResponse:
        """Why an item is, or is not, shown to a visitor: what forbids it, who proposes it, and its
        place after each step."""
        return JSONResponse(explain(current, read(Why, parsed(text))))

    @router.get("/recommendations/{recommendation_id}", responses=problems.documented(404))
    def get_recommendation(recommendation_id: AnswerId) -> JSONResponse:
        """How an answer came about: who proposed each item and at what place, and the rules that
        moved or removed it."""
        return JSONResponse(trace(current, recommendation_id))

    @router.post(
        "/recommendations/{recommendation_id}/rerun",
        openapi_extra=described(Rerun),
        responses=problems.documented(404),
    )
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
        """A release is loaded, so recommendations are answered; 503 until then. Where a newer one
        was refused, `trouble` says why."""
        here = {"status": "ready", "release": loaded(current).release}
        return here | ({"trouble": current.trouble} if current.trouble else {})

    @router.get("/tag.js", response_class=Response)
    async def tag_js() -> Response:
        """The browser tag, for `<script>` in the pages of the shop. Anyone may load it."""
        return tag()

    @router.get("/metrics", response_class=Response)
    def metrics() -> Response:
        """Figures for Prometheus."""
        return Response(meters.text(current.loaded), media_type=CONTENT_TYPE_LATEST)

    return router
