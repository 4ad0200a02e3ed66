"""`endcap serve`: the HTTP service and the pages."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from endcap.cli.output import ShopOption, shop_folder
from endcap.errors import ConfigError, EndcapError, StateError, words

if TYPE_CHECKING:
    from fastapi import FastAPI

    from endcap.config import Shop
    from endcap.serve.current import Current
    from endcap.serve.lessons import Lessons
    from endcap.serve.workers import Listening

SHARED = ("endcap.serve.app", "endcap.dashboard.pages", "sqlalchemy.dialects.sqlite")
"""What all processes need, and so is imported before they part."""

TURN = 5e-4
"""Seconds for which a thread keeps the interpreter from others that want it. With Python's own 5 ms
an answer that is ready waits for whatever is being learned or written meanwhile."""


def register(app: typer.Typer) -> None:
    app.command("serve")(serve)


def serve(
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8765,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer.")] = 1,
    replay: Annotated[
        bool, typer.Option("--replay", help="Take the end of the log for now: for an old log.")
    ] = False,
    shop: ShopOption = None,
) -> None:
    """Serve recommendations, take in events, and show the pages for people."""
    from endcap.config import Shop

    folder = shop_folder(shop).resolve()
    # Each request has a thread of its own; threads within one would only stand in line.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from endcap.serve.access import loopback

    keys, local = _open(folder), loopback(host)
    if not keys and not local:
        raise ConfigError(
            f"--host {host} would let others in, and no API key has been created",
            expected="127.0.0.1, ::1 or localhost",
            mend="Create a key first, with `endcap keys create --scope admin`",
        )
    opened = Shop.open(folder)
    if opened.config.serve.traces:
        from endcap.serve.spans import require

        require()
    with _listen(host, port, workers) as listening:
        name = f"[{host}]" if ":" in host else host
        address = f"http://{name}:{listening.getsockname()[1]}"
        print(f"Serving {folder} at {address}", file=sys.stderr)
        if not keys:
            print("There is no API key yet, so only this machine can reach it.", file=sys.stderr)
        _run(partial(service, folder, replay, local), opened, replay, listening, workers)


def service(folder: Path, replay: bool, local: bool, lessons: Lessons | None = None) -> FastAPI:
    """The service and the pages of a shop: what each worker process makes and runs.

    local: whether only this machine can reach it.
    lessons: where it finds what is learned for all workers.
    """
    from endcap.dashboard import pages
    from endcap.serve.app import create

    current = _current(folder, replay, lessons)
    app = create(current, local=local)
    pages.mount(app, current.shop.config, lambda: current.visitors)
    return app


def teach(folder: Path, replay: bool, lessons: Lessons) -> None:
    """Learn for all workers until told to stop: what a process beside them does."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    lessons.teaching = True
    current = _current(folder, replay, lessons)
    current.start()
    stop.wait()
    current.stop()


def _current(folder: Path, replay: bool, lessons: Lessons | None) -> Current:
    from endcap.config import Shop
    from endcap.serve import logs
    from endcap.serve.current import Current
    from endcap.store.events import LiveEvents

    shop = Shop.open(folder)
    logs.begin(shop.config.serve)
    sys.setswitchinterval(TURN)
    return Current(shop, LiveEvents.open(shop.live), replay=replay, lessons=lessons)


def _open(shop: Path) -> bool:
    """See before anything is started that settings and store can be used, and say whether a key
    has ever been created."""
    from sqlalchemy.exc import SQLAlchemyError

    from endcap.config import Shop
    from endcap.store.address import cause, shown
    from endcap.store.keys import Keys

    if not shop.is_dir():
        raise StateError(f"There is no shop folder {shop}", mend="Run `endcap init` first")
    store = Shop.open(shop).live
    try:
        with closing(Keys.open(store)) as keys:
            return bool(keys.all())
    except SQLAlchemyError as error:
        raise StateError(f"The store {shown(store)} can't be used: {cause(error)}") from error


def _listen(host: str, port: int, workers: int) -> Listening:
    """Raises EndcapError where there is no such address, or the port is taken."""
    from endcap.serve.workers import Listening

    try:
        [family, *_], *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise EndcapError(
            f"There is no address {host}: {words(error)}", mend="Choose another --host"
        ) from error
    try:
        listening = Listening.at((host, port), family, workers)
    except OSError as error:
        raise EndcapError(
            f"Can't listen at {host}:{port}: {error.strerror or error}",
            mend="Choose another --port, or stop what uses this one",
        ) from error
    # Or else the second part of each answer waits 40 ms for the first to be acknowledged.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _run(
    make: Callable[[Lessons | None], FastAPI],
    shop: Shop,
    replay: bool,
    listening: Listening,
    workers: int,
) -> None:
    import uvicorn

    from endcap.serve import lessons as sharing
    from endcap.serve import preloaded
    from endcap.serve.connections import limited
    from endcap.serve.workers import AT_A_TIME, GRACE, serve

    lessons = sharing.shared()
    if lessons or workers > 1:
        for module in SHARED:
            import_module(module)
        preloaded.read(shop)
    config = uvicorn.Config(
        partial(make, lessons),
        factory=True,
        log_config=None,
        access_log=False,
        http=limited(shop.config.serve, listening.shares),
        backlog=AT_A_TIME,
        timeout_graceful_shutdown=GRACE,
    )
    behind = partial(teach, shop.folder, replay, lessons) if lessons else None
    serve(config, listening, workers, behind)
