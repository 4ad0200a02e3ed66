"""The list of models is whole, a synthetic log is the same each time, the judge is fair."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from benchmarks.contents import content
from benchmarks.encoders import COUNTS
from benchmarks.likeness import Likeness
from benchmarks.models import FIGURES, PAGE, Plan, page
from benchmarks.peers.sequences import TEST, VALIDATION, Sequences, ndcg
from benchmarks.synthetic import catalogue, write_events
from endcap import config
from endcap.class_paths import resolve
from endcap.nn import networks
from endcap.stages import Ranker, Retriever, Stage
from tests.contracts.found import ENCODERS, RANKERS, RETRIEVERS, classes

PLAN = Plan.read()

DEFAULT = config.Config().retrievers


def path(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


def stage(model: str) -> config.Stage | None:
    """What a model of the list is, None for the whole system."""
    spec = PLAN.spec("beauty", model)
    if "system" in spec:
        return None
    use = spec.get("use") or spec.get("ranker") or DEFAULT[spec["retriever"]].use
    return config.Stage.model_validate({"use": use, **spec["set"]})


LISTED = {name: one for name in PLAN.models if (one := stage(name)) is not None}


@pytest.mark.parametrize("name", LISTED)
def test_a_listed_model_can_be_made(name: str) -> None:
    kind = Ranker if "ranker" in PLAN.models[name] else Retriever
    resolve(kind, LISTED[name], f"models.{name}")


@pytest.mark.parametrize("cls", [*RETRIEVERS, *RANKERS], ids=lambda cls: cls.__name__)
def test_every_model_is_listed(cls: type[Stage[config.Settings]]) -> None:
    assert path(cls) in {one.use for one in LISTED.values()}


@pytest.mark.parametrize(
    "cls",
    classes(networks, networks.Network),  # type: ignore[type-abstract]
    ids=lambda cls: cls.__name__,
)
def test_every_network_is_listed(cls: type[networks.Network]) -> None:
    chosen = [one.own.get("network", {}) for one in LISTED.values()]
    assert path(cls) in {networks.ATTENTION, *(network.get("use") for network in chosen)}


def test_the_page_tells_what_was_measured_and_leaves_a_dash_for_the_rest(tmp_path: Path) -> None:
    interval = {"value": 0.25, "low": 0.2, "high": 0.3}
    figures = {"ndcg@10": interval, "hit_rate@10": interval, "coverage@10": {"value": 0.5}}
    known = {"seconds": 12.3, "peak": 4e8, "tasks": {"home": figures}}
    (tmp_path / "beauty").mkdir()
    (tmp_path / "beauty" / "popular.json").write_text(json.dumps(known))
    lines = page(PLAN, tmp_path).splitlines()
    assert "| Popular | 0.2500 ± 0.0500 | 0.2500 ± 0.0500 | 50.0% | 12 | 0.4 |" in lines
    assert "| EASE | – | – | – | – | – |" in lines


def test_the_page_holds_the_figures_that_are_kept() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(PLAN, FIGURES)


def test_kept_figures_are_of_the_settings_that_are_listed() -> None:
    kept = [path for path in FIGURES.glob("*/*.json") if path.stem in PLAN.models]
    specs = {path: json.loads(path.read_text())["spec"] for path in kept}
    assert specs == {path: PLAN.spec(path.parent.name, path.stem) for path in kept}


def test_a_synthetic_log_is_the_same_each_time(tmp_path: Path) -> None:
    logs = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for log in logs:
        write_events(log, 3_000, 200, seed=1)
    first, second = map(pq.read_table, logs)
    assert first.num_rows == 3_000
    assert first.equals(second)
    assert set(first["item_id"].to_pylist()) <= set(catalogue(200, 1)["item_id"].to_pylist())


def test_a_synthetic_log_has_popular_items_and_visitors_with_a_taste(tmp_path: Path) -> None:
    write_events(tmp_path / "a.parquet", 20_000, 2_500, seed=1)
    log = pq.read_table(tmp_path / "a.parquet")
    user, item = (log[name].to_numpy() for name in ("user_id", "item_id"))
    count = np.sort(np.bincount(item, minlength=2_500))
    assert count[-250:].sum() > count[:1_250].sum()
    topic, same = item % 50, user[1:] == user[:-1]
    stays = topic[1:] == topic[:-1]
    assert stays[same].mean() > 0.8
    assert stays[~same].mean() < 0.2


def test_all_systems_are_asked_the_same() -> None:
    """A user's last item is right; one who has none there is not asked about."""
    sequences = Sequences(
        user=np.array([1, 1, 1, 1, 2, 2]),
        item=np.array([5, 6, 7, 8, 5, 9]),
        part=np.array([0, 0, VALIDATION, TEST, 0, TEST]),
    )
    users, target = sequences.asked(TEST)
    assert users.tolist() == [1, 2]
    assert target.tolist() == [8, 9]
    assert [row.tolist() for row in sequences.histories(TEST)] == [[5, 6, 7], [5]]
    assert [row.tolist() for row in sequences.histories(VALIDATION)] == [[5, 6]]
    assert sequences.positions == 1


def test_ndcg_is_one_for_the_first_place_and_falls_with_the_place() -> None:
    lists = np.array([[8, 1, 2], [1, 2, 9], [1, 2, 3]])
    assert ndcg(lists, np.array([8, 9, 4])) == pytest.approx((1 + 0.5 + 0) / 3)


def test_every_encoder_is_measured() -> None:
    assert {path(cls) for cls in ENCODERS} == {f"endcap.encoders.{name}" for name in COUNTS}


def test_synthetic_content_is_the_same_each_time(tmp_path: Path) -> None:
    first, second = (content("sounds", 3, tmp_path).table for _ in range(2))
    assert first.equals(second)
    assert len({(tmp_path / f"{n}.wav").read_bytes() for n in range(3)}) == 3


def shown(
    alike: bool, pull: float, seen: int = 30
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Shares of products for photos of those that were not `seen`, and which is right.

    A photo is its product's vector and some noise; what is known is the vector turned round where
    it is not `alike`.
    """
    rng = np.random.default_rng(1)
    shops = rng.normal(size=(40, 8)).astype(np.float32)
    known = shops if alike else np.ascontiguousarray(shops[:, ::-1])
    taught, asked = rng.integers(0, seen, 600), rng.integers(0, 40 - seen, 200)
    photos = shops + rng.normal(0, 0.3, (20, 40, 8)).astype(np.float32)
    some = rng.integers(0, 20, 600)
    model = Likeness.fit(photos[some, taught], known[:seen], taught, pull, alike=alike)
    return model(photos[some[:200], asked + seen], known[seen:]), asked


@pytest.mark.parametrize("alike", [True, False])
def test_a_photo_is_told_of_a_product_that_was_not_there_to_learn_from(alike: bool) -> None:
    shares, right = shown(alike, 0.1)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    assert (shares.argmax(axis=1) == right).mean() > 0.8


def test_a_strong_pull_leaves_all_alike_or_to_the_cosine() -> None:
    shares, _ = shown(alike=False, pull=1e9)
    np.testing.assert_allclose(shares, 1 / shares.shape[1], rtol=1e-3)
    shares, right = shown(alike=True, pull=np.inf)
    assert (shares.argmax(axis=1) == right).mean() > 0.8
