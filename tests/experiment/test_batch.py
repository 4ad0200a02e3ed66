"""Lists for many users, and the figures that an outsider computes from such files."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from endcap.config import Shop
from endcap.errors import DataError
from endcap.experiment.batch import recommend, similar
from endcap.experiment.fit import fit
from endcap.experiment.forget import forget
from endcap.experiment.gate import evaluate_release
from endcap.store.people import People
from endcap.tables.prepare import prepare
from tests.experiment.learnable import ITEMS, USERS, learnable, rows
from tests.tables.raw_shop import event, write


@pytest.fixture(scope="module")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop in which each user's last event is held out, and its release."""
    changes = ["split.protocol=leave-one-out", "split.holdout=1"]
    shop = learnable(tmp_path_factory.mktemp("held-out"), changes)
    fit(shop, refit=False)
    return shop


def release(shop: Shop) -> str:
    return next(path.parent.name for path in shop.releases.glob("*/release.json"))


def last_items() -> dict[str, str]:
    """What each user took last, by the log."""
    return {user: item for user, item, _, _ in sorted(rows(), key=lambda row: row[3])}


def ndcg_by_hand(lists: Iterable[Mapping[str, Any]], answers: Mapping[str, str], k: int) -> float:
    """The mean of 1 / log2(place + 1); what ties with the answer counts as before it."""
    scores: dict[str, dict[str, float]] = defaultdict(dict)
    for row in lists:
        scores[row["user_id"]][row["item_id"]] = row["score"]
    total = 0.0
    for user, answer in answers.items():
        if answer in scores[user]:
            place = sum(score >= scores[user][answer] for score in scores[user].values())
            total += 1 / math.log2(place + 1) if place <= k else 0
    return total / len(answers)


def test_an_outsider_computes_the_same_figures(held_out: Shop) -> None:
    found = evaluate_release(held_out, release(held_out), lists=True)
    figure = found.metrics["ndcg@10"]["value"]
    assert found.report["queries"] == USERS
    assert 0.1 < figure < 1
    assert found.lists.column_names == ["user_id", "rank", "item_id", "score"]
    by_hand = ndcg_by_hand(found.lists.to_pylist(), last_items(), 10)
    assert by_hand == pytest.approx(figure, abs=1e-6)


def test_all_users_are_asked_after_all_that_the_log_holds(tmp_path: Path) -> None:
    """The blind run: who cuts the log before the last events gets the lists to judge by them."""
    shop = learnable(tmp_path, ["split.protocol=leave-one-out", "split.holdout=1"], last=False)
    fit(shop, refit=False)
    lists = recommend(shop, None, 20, release(shop)).to_pylist()
    assert {row["user_id"] for row in lists} == set(last_items())
    taken = {(user, item) for user, item, _, _ in rows()}
    known = taken - set(last_items().items())
    assert not known & {(row["user_id"], row["item_id"]) for row in lists}
    assert ndcg_by_hand(lists, last_items(), 10) > 0.3


def test_ranks_begin_at_one_and_scores_fall(fitted: Shop) -> None:
    table = recommend(fitted, None, 5)
    assert table.column_names == ["user_id", "rank", "item_id", "score", "title"]
    by_user: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in table.to_pylist():
        by_user[row["user_id"]].append(row)
    assert len(by_user) == USERS
    for lists in by_user.values():
        assert [row["rank"] for row in lists] == [1, 2, 3, 4, 5]
        scores = [row["score"] for row in lists]
        assert scores == sorted(scores, reverse=True)
        assert len({row["item_id"] for row in lists}) == 5
        assert all(row["title"].startswith("Thing ") for row in lists)


def test_given_users_are_answered_in_their_order_and_the_unknown_by_popularity(
    fitted: Shop,
) -> None:
    everyone = recommend(fitted, None, 3).to_pylist()
    table = recommend(fitted, ["u07", "nobody", "u03"], 3)
    assert table["user_id"].to_pylist() == ["u07"] * 3 + ["nobody"] * 3 + ["u03"] * 3
    for user in ("u07", "u03"):
        own, same = (
            [row for row in rows if row["user_id"] == user]
            for rows in (table.to_pylist(), everyone)
        )
        # A product of another shape adds up in another order.
        scores, others = ([row.pop("score") for row in rows] for rows in (own, same))
        assert scores == pytest.approx(others, rel=1e-5)
        assert own == same
    assert recommend(fitted, [], 3).num_rows == 0


def test_what_was_taken_comes_back_where_it_is_asked_for(fitted: Shop) -> None:
    own = {item for user, item, _, _ in rows() if user == "u05"}
    usual = set(recommend(fitted, ["u05"], ITEMS)["item_id"].to_pylist())
    assert not own & usual
    every = recommend(fitted, ["u05"], ITEMS, include_seen=True)["item_id"].to_pylist()
    assert set(every) == own | usual


def test_there_is_no_list_for_who_was_forgotten(copy: Callable[..., Shop]) -> None:
    shop = copy()
    with closing(People.open(shop.live)) as people:
        forget(shop, "u03", people)
    listed = set(recommend(shop, None, 5)["user_id"].to_pylist())
    assert len(listed) == USERS - 1
    assert all(user.startswith("u") for user in listed)


def test_what_was_imported_since_does_not_mix_up_the_items(copy: Callable[..., Shop]) -> None:
    """New items come first in the new tables, so all others have other codes there."""
    shop = copy()
    before = recommend(shop, ["u03", "u04"], 5)
    write(shop.folder, "items", [{"item_id": f"a-{number}"} for number in range(5)])
    write(shop.folder, "events", [event("u00", "a-1", 58.0)])
    prepare(shop)
    after = recommend(shop, ["u03", "u04"], 5)
    assert after.drop(["score"]) == before.drop(["score"])
    # The release does not know what u00 took last, but all before it.
    assert recommend(shop, ["u00"], 5).num_rows == 5


def test_items_that_go_with_one(fitted: Shop) -> None:
    table = similar(fitted, "商品-04", 4)
    assert table.column_names == ["rank", "item_id", "score", "title"]
    assert table["rank"].to_pylist() == [1, 2, 3, 4]
    near = table["item_id"].to_pylist()
    assert {int(item[-2:]) % 3 for item in near} == {1}, "of the same shelf"
    assert "商品-04" not in near
    with pytest.raises(DataError, match="no item 'gone' in the catalogue"):
        similar(fitted, "gone", 4)
