"""A fit that goes on from the live release."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from endcap.config import Shop
from endcap.errors import ConfigError, ReleaseError, StateError
from endcap.experiment.fit import fit
from endcap.experiment.gate import promote_if_better
from endcap.recommender import Recommender
from endcap.sources import import_file
from endcap.store.releases import Releases
from endcap.tables.prepare import prepare
from tests.experiment.learnable import DAY, START, learnable

NEW = "商品-new"


def later(folder: Path) -> None:
    """Forty days on, people take two things that were there, and one that was not."""
    path = folder / "later.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("user_id", "item_id", "event_type", "timestamp"))
        for user in range(60):
            for step, item in enumerate(("商品-01", NEW, "商品-02")):
                day = 60 + user % 38 + step
                writer.writerow((f"u{user:02}", item, "purchase", START + day * DAY + user))
    import_file(Shop.open(folder).tables, str(path))


@pytest.fixture
def shop(fitted: Shop, tmp_path: Path) -> Shop:
    """A live release, and more events than it knows."""
    own = learnable(tmp_path / "shop")
    promote_if_better(own, fit(own)["release"])
    later(own.folder)
    prepare(own)
    return own


def systems(shop: Shop, release: str) -> tuple[Recommender, Recommender]:
    folder = Releases(shop.releases).path(release)
    return Recommender.load(folder / "measured"), Recommender.load(folder / "live")


def test_weights_go_on_and_new_items_are_learned(shop: Shop) -> None:
    before = Releases(shop.releases).live()
    assert before is not None
    manifest = fit(shop, go_on=True)
    assert manifest["continues"] == before
    assert manifest["metrics"]["ndcg@10"]["value"] is not None
    for old, new in zip(systems(shop, before), systems(shop, manifest["release"]), strict=True):
        ours, theirs = (
            one.retrievers["sequence"].state["network.item.weight"] for one in (new, old)
        )
        codes = new.catalogue.codes_in(old.catalogue)
        moved = np.abs(ours[codes >= 0] - theirs[codes[codes >= 0]]).mean()
        assert 0 < moved < np.abs(theirs).mean(), "a little, from where they were"
        item = new.catalogue.code(NEW)
        assert item is not None
        assert codes[item] == -1
        assert np.abs(ours[item] - theirs.mean(0)).max() > 1e-3, "it is no longer where it began"


def test_it_resumes_to_the_same_release(shop: Shop) -> None:
    first = fit(shop, go_on=True)
    assert fit(shop, go_on=True)["release"] == first["release"]
    assert fit(shop)["release"] != first["release"]


def test_another_width_begins_anew(shop: Shop) -> None:
    other = Shop.open(shop.folder, ["retrievers.sequence.dim=16"])
    _, live = systems(shop, fit(other, go_on=True)["release"])
    assert live.retrievers["sequence"].state["network.item.weight"].shape[1] == 16


def test_without_new_events_nothing_is_forgotten(fitted: Shop, tmp_path: Path) -> None:
    shop = learnable(tmp_path / "shop")
    first = fit(shop)["release"]
    Releases(shop.releases).promote(first)
    again = fit(shop, go_on=True)["release"]
    for old, new in zip(systems(shop, first), systems(shop, again), strict=True):
        ours, theirs = (one.retrievers["sequence"].state for one in (old, new))
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name])


def test_without_a_live_release(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"No release is live.*endcap fit"):
        fit(learnable(tmp_path / "shop"), go_on=True)


def test_never_from_what_has_seen_the_answers(tmp_path: Path) -> None:
    """A longer test part reaches back into what the release has learned from."""
    shop = learnable(tmp_path / "shop")
    release = fit(shop)["release"]
    Releases(shop.releases).promote(release)
    days = ("split.ranker_days=1", "split.validation_days=1", "split.test_days=27")
    far = Shop.open(shop.folder, days)
    prepare(far)
    with pytest.raises(StateError, match=f"{release} has learned from what is to be asked"):
        fit(far, go_on=True)


def test_not_where_the_last_events_of_all_are_held_out(shop: Shop) -> None:
    other = Shop.open(shop.folder, ["split.protocol=leave-one-out"])
    prepare(other)
    with pytest.raises(ConfigError, match="'leave-one-out' holds out events of all times"):
        fit(other, go_on=True)
