"""The sequence model with each network and each loss, and what counts as a target."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from endcap.class_paths import check
from endcap.config import parse
from endcap.errors import ConfigError
from endcap.nn.networks import Network
from endcap.nn.objective import Name
from endcap.retrievers.sequence import Sequence
from endcap.stages import Retriever
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.parts import Part
from endcap.tables.schema import kind
from tests.contracts.found import NETWORKS, learned
from tests.shops import DAY, catalogue, checkerboard, dataset, queries

# A yes or no about each item takes longer: at first, all of them are a no.
BINARY = {"negatives": 3, "learning_rate": 0.02, "epochs": 80}

WAYS: dict[str, dict[str, Any]] = {
    **{name: {"epochs": 20} for name in get_args(Name) if name != "auto"},
    "bce": BINARY,
    "gbce": {**BINARY, "calibration": 0.3},
}


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return checkerboard(tmp_path_factory.mktemp("checkerboard"))


def told_apart(model: Retriever[Any], asked: Asked) -> float:
    """How much of what is offered first has the visitor's colour."""
    questions = replace(asked.queries, exclude=asked.queries.history.ragged())
    lists = model.retrieve(questions, 3)
    return float(np.mean(lists.item % 2 == asked.queries.users[lists.query] % 2))


@pytest.mark.parametrize("network", NETWORKS, ids=lambda cls: cls.__name__)
def test_every_network_learns_the_checkerboard(network: type[Network], board: Dataset) -> None:
    path = f"{network.__module__}:{network.__name__}"
    model = learned(Sequence, board.before(Part.TEST), network={"use": path}, epochs=20)
    assert told_apart(model, board.asked(Part.TEST)) > 0.95


@pytest.mark.parametrize("loss", WAYS)
def test_every_loss_learns_the_checkerboard(loss: str, board: Dataset) -> None:
    model = learned(Sequence, board.before(Part.TEST), loss=loss, **WAYS[loss])
    assert told_apart(model, board.asked(Part.TEST)) > 0.95


def test_it_learns_with_all_that_can_be_dropped_and_smoothed(board: Dataset) -> None:
    ways = {"token_dropout": 0.2, "label_smoothing": 0.1, "embedding_dropout": 0.1}
    model = learned(Sequence, board.before(Part.TEST), epochs=20, **ways)
    assert told_apart(model, board.asked(Part.TEST)) > 0.95


@pytest.mark.parametrize(("share", "loss"), [(1.0, "full_softmax"), (0.99, "sampled_softmax")])
def test_without_a_name_the_size_of_log_and_catalogue_decides(
    share: float, loss: str, board: Dataset
) -> None:
    known = board.before(Part.TEST)
    most = share * len(known) * len(known.catalogue)
    by_size = learned(Sequence, known, full_softmax=most, epochs=1)
    by_name = learned(Sequence, known, loss=loss, epochs=1)
    for name, array in by_name.state.items():
        np.testing.assert_array_equal(array, by_size.state[name])


VIEW, PURCHASE = kind("view"), kind("purchase")


def shop(folder: Path) -> Dataset:
    """Everybody in turn views item 0, views item 1 and purchases item 2."""
    users, days = 20, 6
    return dataset(
        folder,
        users=np.repeat(np.arange(1, users + 1), days).tolist(),
        items=[0, 1, 2] * (users * days // 3),
        kinds=[VIEW, VIEW, PURCHASE] * (users * days // 3),
        times=np.tile(np.arange(days) * DAY, users).tolist(),
        goods=catalogue(3),
    )


def first_after(model: Retriever[Any], item: int) -> int:
    return int(model.retrieve(queries([item]), 1).item[0])


def weights(view: float, purchase: float) -> Any:
    each = np.ones(1 + max(VIEW, PURCHASE), np.float32)
    each[VIEW], each[PURCHASE] = view, purchase
    return each


def test_what_counts_nothing_is_no_target(tmp_path: Path) -> None:
    data = shop(tmp_path)
    assert first_after(learned(Sequence, data, epochs=150, ahead=0.0), 0) == 1
    bought = replace(data, kind_weights=weights(view=0, purchase=1))
    model = learned(Sequence, bought, epochs=150, ahead=0.0)
    assert {first_after(model, item) for item in (0, 1, 2)} == {2}


def test_the_same_weight_for_all_changes_nothing(tmp_path: Path) -> None:
    data = shop(tmp_path)
    plain, even = (
        learned(Sequence, replace(data, kind_weights=same * data.kind_weights), epochs=2)
        for same in (1, 3)
    )
    for name, array in plain.state.items():
        np.testing.assert_array_equal(array, even.state[name])


def test_token_dropout_is_of_training_alone(board: Dataset) -> None:
    known, asked = board.before(Part.TEST), board.asked(Part.TEST)
    model = learned(Sequence, known, epochs=1)
    without = Sequence(model.settings.model_copy(update={"token_dropout": 0.9}), model.state)
    a, b = (one.retrieve(asked.queries, 5) for one in (model, without))
    np.testing.assert_array_equal(a.score, b.score)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("network.use=nowhere:It", r"sequence\.network\.use = 'nowhere:It' cannot be imported"),
        ("network.layers=0", r"retrievers\.sequence\.network: layers = 0: .* greater than 0"),
        ("network.heads=5", r"retrievers\.sequence\.network: heads = 5 does not divide dim = 64"),
        ("loss=hinge", r"retrievers\.sequence: loss\S* = 'hinge': .*'gbce'"),
    ],
)
def test_a_wrong_setting_is_told_before_any_work(change: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check(parse("", [f"retrievers.sequence.{change}"]))


def test_labels_of_a_binary_loss_are_not_smoothed() -> None:
    changes = ["retrievers.sequence.loss=bce", "retrievers.sequence.label_smoothing=0.2"]
    with pytest.raises(ConfigError, match=r"label_smoothing = 0\.2 with loss = 'bce'.* Expected 0"):
        check(parse("", changes))


def test_with_an_index_it_learns_and_finds_the_same(tmp_path: Path) -> None:
    """Also of an item without events that somebody takes, and what another process is told."""
    rng = np.random.default_rng(1)
    users, each, unmet = 300, 10, 1_150
    log = dataset(
        tmp_path,
        users=np.repeat(np.arange(1, users + 1), each).tolist(),
        items=rng.integers(0, 1_100, users * each).tolist(),
        goods=catalogue(1_200),
    )
    fitted = learned(Sequence, log, epochs=1, index_from=1_000)
    assert isinstance(fitted, Sequence)
    plain = Sequence(fitted.settings.model_copy(update={"index_from": 2_000}), fitted.state)
    assert plain.nearest.index is None
    asked = log.now(np.arange(1, users + 1, dtype=np.int32))
    taken = np.full(users, unmet, np.int32), np.full(users, PURCHASE, np.int8)
    one, other = (model.learn(asked, *taken) for model in (fitted, plain))
    assert one.nearest.index is not None
    assert one.nearest.moved.tolist() == [unmet]
    lists, expected = (model.retrieve(asked, 20) for model in (one, other))
    pairs = ({*zip(found.query, found.item, strict=True)} for found in (lists, expected))
    assert len(set.intersection(*pairs)) > 0.97 * len(expected)
    assert np.count_nonzero(lists.item == unmet) == np.count_nonzero(expected.item == unmet) > 0
    told = fitted.taught({name: array.copy() for name, array in one.arrays.items()})
    np.testing.assert_array_equal(told.retrieve(asked, 20).item, lists.item)
