"""What may go live, and what speaks against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from endcap.config import Shop
from endcap.errors import DataError, ReleaseError
from endcap.experiment import gate
from endcap.experiment.fit import fit
from endcap.experiment.gate import (
    by_task,
    compare,
    evaluate_release,
    objection,
    promote,
    promote_if_better,
)
from endcap.experiment.intervals import Difference, paired
from endcap.store.releases import Releases
from endcap.tables.prepare import prepare
from endcap.types import Floats
from tests.tables.raw_shop import event, write

Copy = Callable[..., Shop]

WORSE = 'placements.home.retrievers=["popular"]'
NO_BAR = "evaluate.baselines={}"


def live(shop: Shop) -> str | None:
    return Releases(shop.releases).live()


def test_a_release_is_not_worse_than_itself(fitted: Shop) -> None:
    name = live(fitted)
    assert name is not None
    found = compare(fitted, name, name)
    assert (found["a"], found["b"]) == (name, name)
    gaps = [gap for task in found["tasks"].values() for gap in task.values()]
    assert all(gap["value"] == gap["low"] == gap["high"] == 0 for gap in gaps)
    assert all(gap["p"] == 1 for gap in gaps)
    assert found["queries"] == found["metrics"]["ndcg@10"]["queries"] > 20
    assert objection(fitted, name) is None
    assert promote_if_better(fitted, name) == {"live": True, "why": "it is live already"}


@pytest.fixture
def threads() -> Iterator[None]:
    """Several, however many cores there are."""
    before = pa.cpu_count()
    pa.set_cpu_count(4)
    yield
    pa.set_cpu_count(before)


@pytest.mark.usefixtures("threads")
def test_many_questions_are_compared_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the first task decides, and the same chance gives the same interval."""
    size, seen = 80_000, []

    def order(a: Floats, b: Floats, samples: int, seed: int) -> Difference:
        seen.append(a)
        return paired(a[:2], b[:2], samples, seed)

    monkeypatch.setattr(gate, "paired", order)
    asked = pa.table(
        {
            "task": np.repeat(["next", "session"], size),
            "user_id": [f"u{user}" for user in range(size)] * 2,
            "time": np.arange(2 * size),
            "ndcg@10": np.arange(2 * size, dtype=np.float32),
        }
    )
    assert list(by_task(asked, asked)) == ["next", "session"]
    np.testing.assert_array_equal(np.concatenate(seen), asked["ndcg@10"].to_numpy())


def test_what_a_baseline_beats_stays_where_it_is_unless_forced(copy: Copy) -> None:
    shop, first = copy(WORSE), live(copy())
    worse = fit(shop, refit=False)["release"]
    verdict = promote_if_better(shop, worse)
    assert verdict["live"] is False
    assert "below that of neighbours" in verdict["why"]
    with pytest.raises(ReleaseError, match=r"stays where it is.*Add --force to insist"):
        promote(shop, worse)
    assert live(shop) == first
    promote(shop, worse, force=True)
    assert live(shop) == worse
    assert Releases(shop.releases).rollback() == first == live(shop)


def test_what_the_live_release_beats_stays_where_it_is(copy: Copy) -> None:
    shop, first = copy(WORSE, NO_BAR), live(copy())
    assert first is not None
    worse = fit(shop, refit=False)["release"]
    assert f"below that of the live {first}" in (objection(shop, worse) or "")
    gap = compare(shop, worse, first)["metrics"]["ndcg@10"]
    assert gap["high"] < 0
    assert compare(shop, first, worse)["metrics"]["ndcg@10"]["value"] == -gap["value"]
    promote(shop, worse, force=True)
    promote(shop, first)
    assert live(shop) == first


@pytest.mark.parametrize("again", [False, True])
def test_a_judgement_is_repeated_to_the_digit(fitted: Shop, again: bool) -> None:
    """Whether it is read or, for the lists, made anew."""
    releases = Releases(fitted.releases)
    found = evaluate_release(fitted, None, lists=again)
    assert bool(found.lists.num_rows) == again
    assert found.report["release"] == releases.live()
    assert found.metrics == releases.manifest()["metrics"]
    assert found.questions == pq.read_table(releases.path() / "questions.parquet")


def test_other_cutoffs_and_what_was_seen(fitted: Shop) -> None:
    found = evaluate_release(fitted, None, cutoffs=(3,), include_seen=True)
    assert {name.split("@")[1] for name in found.metrics} == {"3", "10"}
    usual = evaluate_release(fitted, None, cutoffs=(3,))
    assert found.metrics["ndcg@10"] != usual.metrics["ndcg@10"]


def test_a_release_is_not_judged_on_tables_it_may_have_learned_from(copy: Copy) -> None:
    shop = copy()
    write(shop.folder, "events", [event("u00", "商品-03", 50.0)])
    prepare(shop)
    with pytest.raises(DataError, match=r"fitted on other tables.*Run `endcap fit`"):
        evaluate_release(shop, None, lists=True)
    assert evaluate_release(shop, None).metrics == Releases(shop.releases).manifest()["metrics"]
    newer = fit(shop)["release"]
    assert evaluate_release(shop, newer, lists=True).report["release"] == newer


def test_unknown_and_missing_releases_are_told(fitted: Shop, copy: Copy) -> None:
    with pytest.raises(ReleaseError, match=rf"no release 'none'.*one of {live(fitted)}\.$"):
        evaluate_release(fitted, "none")
    with pytest.raises(ReleaseError, match="no release 'none'"):
        compare(fitted, live(fitted) or "", "none")
    shop = copy()
    (shop.releases / "live").unlink()
    with pytest.raises(ReleaseError, match=r"No release is live\. Run `endcap fit` first"):
        evaluate_release(shop, None)
