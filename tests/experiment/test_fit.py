"""From prepared tables to a release: what is written, and what is not done twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from endcap.config import Shop
from endcap.errors import ConfigError, DataError, StateError
from endcap.experiment.batch import system
from endcap.experiment.fit import fit, name_of
from endcap.recommender import Recommender
from endcap.store.releases import Releases
from endcap.tables.prepare import prepare
from tests.experiment.learnable import ITEMS, USERS, learnable
from tests.tables.raw_shop import lively, raw_shop

Copy = Callable[..., Shop]


def steps_of(shop: Shop, **options: bool) -> tuple[dict[str, Any], list[str]]:
    """The manifest, and what was trained for it."""
    steps: list[str] = []
    manifest = fit(shop, report=lambda step, share: steps.append(step), **options)
    return manifest, steps


def test_a_release_has_the_measured_system_the_live_one_and_the_figures(fitted: Shop) -> None:
    releases = Releases(fitted.releases)
    (name,) = releases.names()
    path, manifest = releases.path(name), releases.manifest(name)
    assert {each.name for each in path.iterdir()} == {
        "measured",
        "live",
        "evaluation.json",
        "questions.parquet",
        "release.json",
    }
    releases.verify(name)
    for which in ("measured", "live"):
        loaded = Recommender.load(path / which)
        assert set(loaded.retrievers) == set(fitted.config.retrievers)
        assert len(loaded.catalogue) == ITEMS
    report = json.loads((path / "evaluation.json").read_text())
    assert manifest["metrics"] == report["metrics"] == report["tasks"]["home"]["metrics"]
    assert manifest["protocol"]["judged_on"] == "test"
    assert pq.read_metadata(path / "questions.parquet").num_rows == report["queries"]
    assert [path.name for path in fitted.runs.iterdir()] == ["curves"]


def test_it_learns(fitted: Shop) -> None:
    """Who takes an item takes the next one: far better than by popularity."""
    path = Releases(fitted.releases).path() / "evaluation.json"
    report = json.loads(path.read_text())
    gap = report["tasks"]["home"]["differences"]["popular"]
    assert gap["low"] > 0.1
    assert gap["p"] < 0.05


def test_weights_are_learned_and_both_systems_have_them(fitted: Shop) -> None:
    path = Releases(fitted.releases).path()
    weights = [
        Recommender.load(path / which).config.placements["home"].weights
        for which in ("measured", "live")
    ]
    assert weights[0] == weights[1]
    assert set(weights[0]) == set(fitted.config.retrievers)
    assert (
        weights[0]
        == json.loads((path / "evaluation.json").read_text())["weights"]["home"]["places"]
    )


def test_both_systems_have_the_weights_of_the_event_types(fitted: Shop) -> None:
    releases = Releases(fitted.releases)
    weights = [
        Recommender.load(releases.path() / which).config.events.weights
        for which in ("measured", "live")
    ]
    assert weights[0] == weights[1]
    said = releases.manifest(releases.names()[0])["event_weights"]
    assert {name: one["weight"] for name, one in said.items()} == {"purchase": 1.0}
    assert weights[0]["purchase"] == 1.0


def test_the_live_system_repeats_the_epochs_that_were_chosen(fitted: Shop) -> None:
    path = Releases(fitted.releases).path()
    chosen = [
        Recommender.load(path / which).retrievers["sequence"].settings.epochs
        for which in ("measured", "live")
    ]
    assert chosen[0] == chosen[1] <= 2


def test_the_same_again_is_the_release_that_is_there(copy: Copy) -> None:
    shop = copy()
    before = Releases(shop.releases).names()
    manifest, steps = steps_of(shop)
    assert steps == []
    assert [manifest["release"]] == before == Releases(shop.releases).names()


def test_other_settings_make_another_release_and_the_same_seed_the_same_figures(
    copy: Copy,
) -> None:
    first = Releases(copy().releases).manifest()
    other = fit(copy("seed=2"))
    again = fit(copy("join.depth=199"))  # more than there are items, as before
    assert len(Releases(copy().releases).names()) == 3
    assert other["release"] != first["release"]
    assert again["metrics"] == first["metrics"]


def test_without_a_refit_what_was_measured_answers(copy: Copy) -> None:
    shop = copy()
    manifest, steps = steps_of(shop, refit=False)
    path = Releases(shop.releases).path(manifest["release"])
    assert not (path / "live").exists()
    assert not any(step.startswith("live") for step in steps)
    assert manifest["refit"] is False
    assert len(system(shop, manifest["release"]).catalogue) == ITEMS


@pytest.mark.parametrize(("holdout", "judged"), [(1, "validation"), (2, "test")])
def test_leave_one_out(tmp_path: Path, holdout: int, judged: str) -> None:
    changes = ["split.protocol=leave-one-out", f"split.holdout={holdout}"]
    manifest = fit(learnable(tmp_path, changes))
    assert manifest["protocol"]["split"] == "leave-one-out"
    assert manifest["protocol"]["judged_on"] == judged
    folder = Releases(tmp_path / "releases").path(manifest["release"])
    assert json.loads((folder / "evaluation.json").read_text())["queries"] == USERS


def test_several_tasks_are_all_judged_and_weighed(copy: Copy) -> None:
    shop = copy('evaluate.tasks={main={}, mail={placement="email", scope="new"}}')
    manifest = fit(shop, refit=False)
    path = Releases(shop.releases).path(manifest["release"])
    report = json.loads((path / "evaluation.json").read_text())
    assert list(report["tasks"]) == ["main", "mail"]
    assert set(report["weights"]) == {"home", "email"}
    assert report["weights"]["email"]["places"]
    tasks = pq.read_table(path / "questions.parquet")["task"].to_pylist()
    assert set(tasks) == {"main", "mail"}
    assert tasks.count("mail") == report["tasks"]["mail"]["queries"]


def test_several_rankers_learn_from_the_same_questions(copy: Copy) -> None:
    deep = ["dim=8", "width=8", "epochs=2", "questions=8"]
    use = 'rankers.deep.use="endcap.rankers.deep:DeepRanker"'
    shop = copy(use, *(f"rankers.deep.{change}" for change in deep))
    _, steps = steps_of(shop, refit=False)
    assert {"order-lambdamart", "order-deep"} <= {step.split(":")[0] for step in steps}


def test_a_stage_that_the_shop_leaves_out_stays_out(copy: Copy) -> None:
    shop = copy(
        'retrievers.sequence.use=""',
        'rankers.lambdamart.use=""',
        'evaluate.baselines={popular=["popular"]}',
    )
    manifest = fit(shop)
    loaded = system(shop, manifest["release"])
    assert "sequence" not in loaded.retrievers
    assert loaded.ranker is None


def test_a_task_that_asks_nothing_is_told_before_anything_is_learned(tmp_path: Path) -> None:
    """Nobody takes an item twice in a row, and no more than the last event is looked at."""
    again = 'evaluate.tasks={home={}, again={scope="again"}}'
    shop = learnable(tmp_path, ["events.history=1", again])
    steps: list[str] = []
    with pytest.raises(DataError, match="Nothing can be asked about the test part"):
        fit(shop, report=lambda step, share: steps.append(step))
    assert steps == []


def test_a_shop_without_retrievers_is_a_clear_error(copy: Copy) -> None:
    gone = [f'retrievers.{name}.use=""' for name in copy().config.retrievers]
    shop = copy(*gone, "placements={home={rules=[]}}", "evaluate.baselines={}")
    with pytest.raises(ConfigError, match=r"\[retrievers\] names none.*Expected one at least"):
        fit(shop)


def test_two_releases_within_a_second_have_names_of_their_own(tmp_path: Path) -> None:
    releases, now = Releases(tmp_path), datetime(2017, 1, 1, 12, 59, 59)
    names = []
    for _ in range(3):
        names.append(name_of(releases, "ab12cd34", now))
        releases.write(names[-1], {}, lambda folder: None)
    assert names == [f"20170101-{second}-ab12cd34" for second in (125959, 130000, 130001)]
    assert releases.names() == names, "the oldest first"


def test_too_few_questions_and_nothing_prepared_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="Run `endcap prepare` first"):
        fit(Shop.open(tmp_path))
    shop = raw_shop(tmp_path, lively(days=12, users=6))
    prepare(shop)
    with pytest.raises(DataError, match=r"Fewer than 20 questions.*validation part"):
        fit(shop)
    assert Releases(shop.releases).names() == []
