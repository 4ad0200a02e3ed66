"""The service of a shop with one endpoint more, which answers the same to everyone.

    python -m benchmarks.floor SHOP [--port P] [--workers N]

`POST /constant` takes what `/v1/recommend` takes, reads and checks it, and answers ten items that
it always has ready: what the server stack itself takes, without anything being recommended.
"""

from __future__ import annotations

import argparse
import json
import os
from functools import partial
from pathlib import Path

from fastapi import FastAPI, Request, Response

from endcap.cli.service import _listen, _run, service
from endcap.config import Shop
from endcap.serve.bodies import body, parsed, read
from endcap.serve.lessons import Lessons
from endcap.serve.request_schemas import Ask

ITEMS = [{"item_id": str(item), "score": 1 / item} for item in range(1, 11)]

ANSWER = json.dumps({"recommendation_id": "", "release": "", "path": "full", "items": ITEMS})


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("shop", type=Path)
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--workers", type=int, default=1)
    given = arguments.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    with _listen("127.0.0.1", given.port, given.workers) as listening:
        print(f"Serving at http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
        shop = Shop.open(given.shop)
        _run(partial(floor, shop.folder), shop, False, listening, given.workers)


def floor(shop: Path, lessons: Lessons | None) -> FastAPI:
    app, answer = service(shop, False, True, lessons), ANSWER.encode()

    @app.post("/constant")
    async def constant(request: Request) -> Response:
        read(Ask, parsed(await body(request)))
        return Response(answer, media_type="application/json")

    return app


if __name__ == "__main__":
    main()
