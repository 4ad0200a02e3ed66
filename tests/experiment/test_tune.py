"""A search for better settings: what it tries, what it keeps, and that it never looks ahead."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState

from endcap.config import Shop, alone, load, parse
from endcap.errors import ConfigError, DataError, StateError, TrainingError
from endcap.experiment.behaviour import weigh
from endcap.experiment.fit import fingerprint, fit
from endcap.experiment.tune import tune
from endcap.experiment.tune.outcome import changed
from endcap.experiment.tune.space import Space
from endcap.experiment.tune.study import Study
from endcap.tables.dataset import Dataset
from endcap.tables.prepare import prepare, prepared
from endcap.types import Report
from tests.contracts.test_no_leak import future_of
from tests.experiment.learnable import learnable
from tests.tables.raw_shop import goods, lively, raw_shop

Copy = Callable[..., Shop]

ALL = "placements.home.retrievers=[]"
ALONE = 'placements.home={retrievers=["sequence"], fill=false}'


@pytest.fixture(scope="module")
def shop_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its lists are of what is popular, which is easily bettered."""
    folder = learnable(tmp_path_factory.mktemp("shop")).folder
    with (folder / "endcap.toml").open("a", encoding="utf-8") as file:
        file.write('\n[placements.home]\nretrievers = ["popular"]\n')
    return folder


@pytest.fixture
def copy(shop_folder: Path, tmp_path: Path) -> Copy:
    """The prepared shop once more, with changed settings."""

    def copied(*changes: str, name: str = "copy") -> Shop:
        folder = tmp_path / name
        if not folder.exists():
            shutil.copytree(shop_folder, folder)
        return Shop.open(folder, changes)

    return copied


def trials_of(shop: Shop, *, ranked: bool = False) -> list[FrozenTrial]:
    """What was tried in a shop, as it is kept."""
    data = Dataset.load(prepared(shop))
    config, data, _ = weigh(shop.config, data)
    space = Space.of(config, rankers=ranked)
    folder = shop.tune / fingerprint(shop.config, data, space=str(space.groups))
    return Study.open(folder, space, config.seed).finished


def told(trials: list[FrozenTrial]) -> list[tuple[Any, ...]]:
    """Of each trial, what does not depend on when it ran."""
    return [(trial.params, trial.value, trial.state, trial.user_attrs["best"]) for trial in trials]


class KilledError(Exception):
    """Stands for a power cut."""


def stop_at(trial: int, how: type[BaseException]) -> Report:
    """Something that happens in the middle of a trial, counted from 1."""

    def report(step: str, share: float) -> None:
        if step.startswith(f"trial {trial} of") and "epoch 2" in step:
            raise how

    return report


@pytest.fixture(scope="module")
def found(shop_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, Any]:
    """A shop and what five undisturbed trials found in it. Not to be changed."""
    folder = tmp_path_factory.mktemp("found") / "shop"
    shutil.copytree(shop_folder, folder)
    shop = Shop.open(folder)
    return shop, tune(shop, trials=5)


def test_the_first_trial_is_the_configuration_as_it_is(found: tuple[Shop, Any]) -> None:
    shop, figures = found
    first, *others = trials_of(shop)
    assert first.params["retrievers.sequence.dim"] == shop.config.retrievers["sequence"].own["dim"]
    assert first.params["join.constant"] == shop.config.join.constant
    assert first.value == pytest.approx(figures["present"]["value"])
    assert len(others) == 4
    assert {other.user_attrs["group"] for other in others} >= {
        "retrievers.sequence",
        "retrievers.neighbours",
    }


def test_the_best_is_no_worse_and_the_gain_is_told_with_its_interval(
    found: tuple[Shop, Any],
) -> None:
    shop, figures = found
    best = max(trial.value or 0 for trial in trials_of(shop))
    assert best == pytest.approx(figures["best"]["value"])
    assert best > figures["present"]["value"], "of five trials one helps in this shop"
    gain = figures["gain"]
    assert gain["value"] == pytest.approx(best - figures["present"]["value"], abs=1e-6)
    assert gain["low"] <= gain["value"] <= gain["high"]
    assert (figures["trials"], figures["stopped"]) == (5, "trials")


def test_each_trial_changes_one_group(found: tuple[Shop, Any]) -> None:
    shop, _ = found
    best: dict[str, Any] = {}
    value = 0.0
    for trial in trials_of(shop):
        group = trial.user_attrs["group"]
        space = Space.of(shop.config).groups
        own = set(space.get(group, ())) | {f"placements.home.{group}"}
        for key, known in best.items():
            assert key in own or trial.params[key] == known
        if (trial.value or 0) > value:
            best, value = trial.params, trial.value or 0


def test_the_best_as_toml_is_the_best_system(found: tuple[Shop, Any]) -> None:
    shop, figures = found
    written = load(Path(figures["config"]))
    space = Space.of(shop.config)
    best = max(trials_of(shop), key=lambda trial: trial.value or 0)
    assert figures["changes"]
    assert written == space.applied(best.params).model_copy(update={"events": written.events})
    text = Path(figures["config"]).read_text(encoding="utf-8")
    assert text.startswith("# Found by `endcap tune` in 5 trials: ndcg@10 ")
    assert f"{figures['gain']['value']:+.4f}" in text.partition("settings before")[0]
    assert "use =" not in text, "what is as usual is not written"


def test_fit_takes_the_best(copy: Copy) -> None:
    shop = copy()
    figures = tune(shop, only=["join"], trials=3)
    best = Shop.open(shop.folder, file=Path(figures["config"]))
    assert fit(best, refit=False)["metrics"]["ndcg@10"]["value"] > 0


def test_the_page_needs_nothing_else_and_shows_every_trial(found: tuple[Shop, Any]) -> None:
    shop, figures = found
    page = Path(figures["report"]).read_text(encoding="utf-8")
    assert not any(word in page for word in ("http:", "https:", "src=", "<script", "@import"))
    tried = {trial.user_attrs.get("group") for trial in trials_of(shop)}
    for name, group in Space.of(shop.config).groups.items():
        for key in group:
            assert (f'title="{key}"' in page) == (name in tried)
        _, _, left_out = page.partition("Not tried yet:")
        assert (f"<code>{name}</code>" in left_out.partition("</p>")[0]) == (name not in tried)
    for number, trial in enumerate(trials_of(shop)):
        assert f"{trial.value:.4f}" in page, number
    assert f"{figures['gain']['value']:+.4f}" in page
    assert all(change.rpartition(".")[2] in page for change in figures["changes"])


@pytest.mark.parametrize("how", [KeyboardInterrupt, KilledError])
def test_an_interrupted_search_goes_on_as_if_nothing_had_been(
    copy: Copy, found: tuple[Shop, Any], how: type[BaseException]
) -> None:
    shop = copy()
    groups = [trial.user_attrs.get("group") for trial in trials_of(found[0])]
    stop = stop_at(1 + groups.index("retrievers.sequence"), how)
    if how is KeyboardInterrupt:
        figures = tune(shop, trials=5, report=stop)
        done = groups.index("retrievers.sequence")
        assert (figures["stopped"], figures["trials"]) == ("interrupted", done)
        assert load(shop.tune / "best.toml")
    else:
        with pytest.raises(how):
            tune(shop, trials=5, report=stop)
    assert [*shop.tune.glob("*/.validation-sequence-*/progress.json")], "epochs are kept"
    figures = tune(shop, trials=5)
    assert told(trials_of(shop)) == told(trials_of(found[0]))
    same = ("present", "best", "gain", "changes", "trials", "stopped")
    assert {key: figures[key] for key in same} == {key: found[1][key] for key in same}


def test_more_trials_go_on_with_the_same_study(copy: Copy, found: tuple[Shop, Any]) -> None:
    shop = copy()
    for trials in (1, 4, 3):
        tune(shop, trials=trials)
    assert told(trials_of(shop)) == told(trials_of(found[0])[:4])


def test_what_kills_a_search_twice_is_left_out(copy: Copy) -> None:
    shop = copy()
    for _ in range(2):
        with pytest.raises(KilledError):
            tune(shop, only=["retrievers.sequence"], trials=4, report=stop_at(2, KilledError))
    tune(shop, only=["retrievers.sequence"], trials=2)
    first, second = trials_of(shop)
    assert (first.number, second.number) == (0, 3)


def test_another_join_costs_no_fit(copy: Copy) -> None:
    steps: list[str] = []
    shop = copy(ALL)
    tune(shop, only=["join"], trials=4, report=lambda step, share: steps.append(step))
    learning = {step.split()[1] for step in steps if "loss" in step}
    judging = {step.split()[1] for step in steps if "judging" in step}
    assert learning == {"1"}
    assert judging == {"1", "2", "3", "4"}


def test_only_the_fits_of_the_best_and_of_the_present_stay(found: tuple[Shop, Any]) -> None:
    shop, figures = found
    fits = [path.name.split("-")[1] for path in shop.tune.glob("*/validation-*")]
    best = figures["changes"]["placements.home.retrievers"]["best"]
    assert set(fits) == {"popular", *best}
    assert max(map(fits.count, fits)) <= 2


def test_the_test_part_never_matters(tmp_path: Path) -> None:
    """Two shops that differ in their test part have the same trials and the same scores."""
    rows = sorted(lively(users=30), key=lambda row: (row["timestamp"], row["event_id"]))
    found = []
    for name, events in (("ours", rows), ("theirs", future_of(rows, "time"))):
        placement = 'placements.home={retrievers=["neighbours", "repeat"], rules=["availability"]}'
        changes = [placement, "retrievers.sequence.epochs=1", "retrievers.sequence.dim=8"]
        shop = raw_shop(tmp_path / name, events, goods(), changes=changes)
        prepare(shop)
        tune(shop, trials=5)
        found.append(trials_of(shop))
    assert told(found[0]) == told(found[1])
    assert len({trial.value for trial in found[0]}) > 2, "else this would prove nothing"


def test_poor_trials_are_given_up(copy: Copy) -> None:
    shop = copy(ALONE, "retrievers.sequence.epochs=8", "retrievers.sequence.patience=8")
    figures = tune(shop, only=["retrievers.sequence"], trials=10)
    lost = [trial for trial in trials_of(shop) if trial.state == TrialState.PRUNED]
    assert figures["given_up"] == len(lost) > 0
    for trial in lost:
        assert 3 <= len(trial.intermediate_values) < 8
    assert not [*shop.tune.glob("*/.validation-*")], "nothing is left of them"


def test_settings_that_do_not_go_together_are_told_and_left(copy: Copy) -> None:
    shop = copy(ALONE, "retrievers.sequence.network.heads=3", "retrievers.sequence.dim=9")
    figures = tune(shop, only=["retrievers.sequence"], trials=8)
    wrong = [trial for trial in trials_of(shop) if "error" in trial.user_attrs]
    assert wrong
    assert " does not divide dim = " in wrong[0].user_attrs["error"]
    assert figures["given_up"] == len(wrong)


def test_a_full_disk_is_no_fault_of_the_settings(copy: Copy) -> None:
    """It ends the search, which goes on with the same trial once there is room."""
    shop = copy()

    def fill(step: str, share: float) -> None:
        if step.startswith("trial 2 of") and "epoch 2" in step:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(TrainingError, match="no room on the disk"):
        tune(shop, only=["retrievers.sequence"], trials=3, report=fill)
    assert len(trials_of(shop)) == 1
    assert tune(shop, only=["retrievers.sequence"], trials=2)["given_up"] == 0
    assert len(trials_of(shop)) == 2


def test_a_ranker_is_searched_by_the_lists_that_it_orders(copy: Copy) -> None:
    shop = copy()
    figures = tune(shop, only=["rankers.lambdamart"], trials=3)
    trials = trials_of(shop, ranked=True)
    groups = [trial.user_attrs["group"] for trial in trials]
    assert groups == ["present", "rankers.lambdamart", "rankers.lambdamart"]
    assert set(figures["changes"]) <= {
        f"rankers.lambdamart.{name}" for name in ("leaves", "learning_rate", "min_leaf", "cutoff")
    }
    tune(shop, only=["join"], trials=1)
    assert trials_of(shop)[0].value != trials[0].value


def test_time_ends_it_and_the_next_one_goes_on(copy: Copy) -> None:
    shop = copy()
    with pytest.raises(StateError, match="too few to judge the configuration as it is"):
        tune(shop, timeout=1e-9)
    assert tune(shop, trials=1)["trials"] == 1
    figures = tune(shop, timeout=1e-9)
    assert (figures["trials"], figures["stopped"]) == (1, "timeout")


def test_an_interruption_before_anything_is_known_is_one(copy: Copy) -> None:
    shop = copy(ALL)
    with pytest.raises(KeyboardInterrupt):
        tune(shop, trials=3, report=stop_at(1, KeyboardInterrupt))
    assert not (shop.tune / "best.toml").exists()


def test_progress_tells_trial_best_and_time_left(copy: Copy) -> None:
    told: list[tuple[str, float]] = []
    tune(copy(ALL), only=["join"], trials=3, report=lambda step, share: told.append((step, share)))
    assert told[0][0].startswith("trial 1 of 3 · ")
    assert told[-1][0].startswith("trial 3 of 3 · best 0.")
    assert "1 min left · judging" in told[-1][0]
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(2 / 3)


@contextmanager
def refused(error: type[Exception], *words: str) -> Iterator[None]:
    with pytest.raises(error) as caught:
        yield
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_clear_errors(copy: Copy, tmp_path: Path) -> None:
    with refused(StateError, "Run `endcap prepare` first"):
        tune(Shop.open(tmp_path / "empty"))
    with refused(ConfigError, "'sequence'", "retrievers.sequence", "rankers.lambdamart", "join"):
        tune(copy(), only=["sequence"])
    recent = {"recent": copy().config.retrievers["recent"]}
    with refused(ConfigError, "nothing to search"):
        Space.of(copy().config.model_copy(update={"retrievers": recent})).chosen([])
    shop = raw_shop(tmp_path / "small", lively(days=12, users=6))
    prepare(shop)
    with refused(DataError, "Fewer than 20 questions"):
        tune(shop)
    shop = copy()
    with alone(shop.tune, "tune"), refused(StateError, "Another `endcap tune` is at work"):
        tune(shop)


@pytest.mark.parametrize(
    "own",
    [
        "",
        "# ours\n[retrievers.sequence] # small\ndim = 8\n\n[join]\ndepth = 50\n",
        "retrievers = {sequence = {dim = 8}, repeat = {half_life_days = 9.0}}\n",
        "retrievers.sequence.dim = 8\njoin.constant = 5.0\nseed = 3",
        "[retrievers]\nsequence = {network = {layers = 1}}\n[placements.home]\nrank = false\n",
    ],
)
def test_changes_go_into_any_toml(tmp_path: Path, own: str) -> None:
    (tmp_path / "endcap.toml").write_text(own, encoding="utf-8")
    space = Space.of(Shop.open(tmp_path).config)
    new = {
        "retrievers.sequence.dim": 32,
        "retrievers.sequence.network.dropout": 0.125,
        "retrievers.neighbours.window": 3,
        "join.constant": 2.5,
        space.flag("repeat"): False,
    }
    values = {**space.present, **new}
    text = changed(tmp_path / "endcap.toml", space.changes(values))
    assert parse(text) == space.applied(values)
    assert all(line in text for line in own.splitlines() if "#" in line)


class TestSpace:
    def test_what_a_shop_has_set_is_part_of_its_space(self, copy: Copy) -> None:
        shop = copy("retrievers.sequence.dim=24", "join.constant=500.0")
        settings = Space.of(shop.config).settings
        assert settings["retrievers.sequence.dim"].search.samples == (24, 32, 64, 128)
        assert settings["join.constant"].search.samples[1] == 500.0

    def test_the_present_values_change_nothing(self, copy: Copy) -> None:
        space = Space.of(copy('placements.home.retrievers=["sequence", "popular"]').config)
        assert space.changes(space.present) == {}
        assert space.applied(space.present) == space.config

    def test_changes_stand_where_the_toml_has_them(self, copy: Copy) -> None:
        space = Space.of(copy(ALL).config)
        others = [name for name in space.config.retrievers if name not in ("repeat", "recent")]
        new = {
            "retrievers.sequence.dim": 32,
            "retrievers.repeat.half_life_days": 7.0,
            "placements.home.retrievers.repeat": False,
            "placements.home.retrievers.recent": False,
        }
        changes = space.changes({**space.present, **new})
        after = {path: new for path, (_, new) in changes.items()}
        assert after == {
            ("retrievers", "sequence", "dim"): 32,
            ("placements", "home", "retrievers"): others,
        }, "who takes no part is left as it is"
        config = space.applied({**space.present, **new})
        assert config.retrievers["sequence"].own["dim"] == 32
        assert config.placements["home"].retrievers == tuple(others)

    def test_somebody_must_take_part(self, copy: Copy) -> None:
        space = Space.of(copy().config)
        nobody = {space.flag(name): False for name in space.config.retrievers}
        with refused(ConfigError, "No retriever takes part in placements.home"):
            space.changes({**space.present, **nobody})
