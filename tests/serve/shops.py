"""A small shop with a live release, for tests of what serves it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from endcap.class_paths import resolve
from endcap.config import Shop
from endcap.recommender import Recommender
from endcap.serve.app import create
from endcap.serve.current import Current
from endcap.stages import Ranker, Retriever, Rule, Run
from endcap.store.events import LiveEvents
from endcap.store.releases import Releases
from endcap.tables.dataset import Dataset
from endcap.tables.prepare import prepare, prepared
from tests.tables.raw_shop import DAY, START, event, goods, raw_shop

NOW = START + 121 * DAY
"""A day after the last event of the shop."""

QUICK = (
    "retrievers.sequence.use = 'endcap.retrievers.popular:Popular'",
    "retrievers.described.use = ''",
    "serve.ranker_seconds = 60",
)
"""A deep model would cost seconds, and shows nothing of the service; nor does how soon a ranker is
done where other tests run beside it."""


def visits() -> Iterator[dict[str, Any]]:
    """Who buys an item buys the next one soon after; each fifth visit is a surprise."""
    chance = random.Random(1)  # noqa: S311
    for day in range(120):
        for user in range(day % 4, 24, 4):
            item = (user + day) % 12 if chance.random() > 0.2 else chance.randrange(12)
            for step in (0, 1):
                moment = day + user / 100 + step / 1_000
                yield event(f"user-{user:02}", f"item-{(item + step) % 12:02}", moment)


def prepared_shop(folder: Path) -> Shop:
    """24 visitors, 12 items, no release."""
    shop = raw_shop(folder, visits(), goods(), changes=QUICK)
    prepare(shop)
    return shop


def release(shop: Shop, name: str, ranker: Ranker[Any] | None = None) -> None:
    """Fit what is quick to fit, and make it live."""
    dataset = Dataset.load(prepared(shop))

    def fitted(kind: type[Any], stages: Any, *known: Any) -> dict[str, Any]:
        found = ((name, *resolve(kind, stage, name)) for name, stage in stages.items())
        return {name: cls.fit(settings, *known, Run()) for name, cls, settings in found}

    system = Recommender(
        shop.config,
        dataset.catalogue,
        fitted(Retriever, shop.config.retrievers, dataset, None),
        ranker,
        fitted(Rule, shop.config.rules, dataset.catalogue),
    )
    releases = Releases(shop.releases)
    manifest = {"learned_until": {"live": dataset.end}}
    releases.write(name, manifest, lambda folder: system.save(folder / "live"))
    releases.promote(name)


def released_shop(folder: Path) -> Shop:
    """The same with a live release, `first`."""
    shop = prepared_shop(folder)
    release(shop, "first")
    return shop


@contextmanager
def serving(shop: Shop) -> Iterator[tuple[TestClient, Current]]:
    """A client of the service, which has looked for a release once."""
    current = Current(shop, LiveEvents.open(shop.live), clock=lambda: NOW)
    current.refresh()
    with TestClient(create(current)) as client:
        yield client, current
