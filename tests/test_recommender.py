"""The answer path: what joins, what falls back to what, and what may never be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from endcap.class_paths import check
from endcap.config import Settings, parse
from endcap.errors import ConfigError, ReleaseError
from endcap.experiment.work import rules_of
from endcap.rankers.lambdamart import LambdaMART
from endcap.reasons import Reason
from endcap.recommender import BATCH, Recommender
from endcap.retrievers.neighbours import Neighbours
from endcap.retrievers.popular import Popular
from endcap.rules.already_taken import AlreadyTaken
from endcap.rules.availability import Availability
from endcap.rules.one_of_a_kind import OneOfAKind
from endcap.rules.same_category import SameCategory
from endcap.stages import Ranker, Retriever, Rule, Run
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.parts import Part
from endcap.tables.schema import kind
from endcap.types import Candidates, Queries, Ragged, Ranking
from tests.contracts.found import learned, settings, taught
from tests.shops import DAY, START, catalogue, checkerboard, dataset, queries, ranking

ITEMS = 8


class Says(Retriever[Settings]):
    """Proposes the items it was made with, in their order; to none what it excludes."""

    settings_type = Settings

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        return cls(settings, {})

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        lists = ranking(*[self.state["item"].tolist()] * len(queries))
        return lists.keep(queries.permits(lists.query, lists.item)).top(n)


class Following(Says):
    """Proposes the item after each one of the history: it tells what it was asked about."""

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        rows = [(queries.history.ragged()[row] + 1).tolist() for row in range(len(queries))]
        lists = ranking(*rows)
        return lists.keep(queries.permits(lists.query, lists.item)).top(n)


class Broken(Says):
    def retrieve(self, queries: Queries, n: int) -> Ranking:
        raise RuntimeError("no")


class Backwards(Ranker[Settings]):
    """The highest code first."""

    settings_type = Settings

    @classmethod
    def fit(
        cls, settings: Settings, dataset: Dataset, asked: Asked, candidates: Candidates, run: Run
    ) -> Self:
        return cls(settings, {})

    def rank(self, queries: Queries, candidates: Candidates, catalogue: Catalogue) -> Ranking:
        return candidates.score(candidates.ranking.item.astype(np.float32))


class BrokenRanker(Backwards):
    def rank(self, queries: Queries, candidates: Candidates, catalogue: Catalogue) -> Ranking:
        raise RuntimeError("no")


def says(*items: int) -> Says:
    return Says(Settings(), {"item": np.array(items, np.int32)})


POPULAR = says(7, 6, 5, 4, 3, 2, 1, 0)
BROKEN = Broken(Settings(), {})
FOLLOWING = Following(Settings(), {})


class Shelf:
    """Eight items, of categories 1 and 2 by turns, of which the last is sold out."""

    def __init__(self, folder: Path) -> None:
        stock = ["in_stock"] * (ITEMS - 1) + ["out_of_stock"]
        goods = catalogue(ITEMS, categories=[1, 2] * (ITEMS // 2), availability=stock)
        self.known = dataset(folder, users=[1], items=[0], goods=goods)

    def rules(self) -> dict[str, Rule[Any]]:
        made = {
            "already_taken": AlreadyTaken,
            "availability": Availability,
            "one_of_a_kind": OneOfAKind,
            "same_category": SameCategory,
        }
        return {
            name: cls.fit(cls.settings_type(), self.known.catalogue, Run())  # type: ignore[attr-defined]
            for name, cls in made.items()
        }

    def system(
        self, ranker: Ranker[Any] | None = None, *, text: str = "", **retrievers: Retriever[Any]
    ) -> Recommender:
        names = "".join(f"[retrievers.{name}]\nuse = 'my:Own'\n" for name in retrievers)
        config = parse(names + text)
        return Recommender(config, self.known.catalogue, retrievers, ranker, self.rules())


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("shelf"))


def lists(found: Ranking, count: int) -> list[list[int]]:
    return [found.of(query).item.tolist() for query in range(count)]


def about(questions: Queries, *anchors: Sequence[int]) -> Queries:
    return replace(questions, anchors=Ragged.of(anchors))


def test_the_placements_weights_count(shelf: Shelf) -> None:
    system = shelf.system(a=says(0, 1), b=says(2, 3))
    assert lists(system.answer(queries([]), 4).ranking, 1) == [[0, 2, 1, 3]]
    heavy = system.reweighted("home", {"a": 0.5, "b": 4.0}, {})
    assert lists(heavy.answer(queries([]), 4).ranking, 1) == [[2, 3, 0, 1]]
    assert lists(system.answer(queries([]), 4).ranking, 1) == [[0, 2, 1, 3]]


def test_the_ranker_orders_and_the_candidates_tell_who_proposed_what(shelf: Shelf) -> None:
    found = shelf.system(Backwards(Settings(), {}), a=says(0, 4, 2)).answer(queries([], []), 2)
    assert found.path == "full"
    assert lists(found.ranking, 2) == [[4, 2], [4, 2]]
    assert found.candidates.ranking.item.tolist() == [0, 4, 2] * 2
    assert found.candidates.places[:, 0].tolist() == [1, 2, 3] * 2


def test_a_placement_without_ranking_leaves_the_ranker_out(shelf: Shelf) -> None:
    text = "[placements.email]\nrank = false\n"
    system = shelf.system(Backwards(Settings(), {}), text=text, a=says(0, 4, 2))
    assert lists(system.answer(queries([]), 3, "email").ranking, 1) == [[0, 4, 2]]


def test_a_placement_shows_only_what_meets_its_filter(shelf: Shelf) -> None:
    text = "[placements.email]\nfilter = 'price >= 14'\n"
    system = shelf.system(text=text, a=says(0, 1, 2, 3, 4, 5), popular=POPULAR)
    found = system.answer(queries([5]), ITEMS, "email").ranking
    assert sorted(found.item.tolist()) == [4, 6]  # 5 was taken, 7 is sold out
    assert sorted(system.answer(queries([5]), ITEMS).ranking.item.tolist()) == [0, 1, 2, 3, 4, 6]


def test_a_filter_that_does_not_fit_the_catalogue_is_refused(shelf: Shelf) -> None:
    text = "[placements.email]\nfilter = 'attributes.size > 3'\n"
    check(parse(text))
    with pytest.raises(ConfigError, match=r"placements.email.filter = .*no attribute attributes"):
        shelf.system(text=text)
    with pytest.raises(ConfigError, match=r"placements.home.filter = .* the end at character 8"):
        check(parse("[placements.home]\nfilter = 'price <'\n"))


FALLBACKS: Mapping[str, tuple[Ranker[Any] | None, Retriever[Any]]] = {
    "full": (None, says(1, 0)),
    "no_ranker": (BrokenRanker(Settings(), {}), says(1, 0)),
    "popular": (Backwards(Settings(), {}), BROKEN),
}


@pytest.mark.parametrize("path", FALLBACKS)
def test_what_fails_is_replaced_and_nothing_forbidden_is_shown(
    shelf: Shelf, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    ranker, other = FALLBACKS[path]
    system = shelf.system(ranker, a=other, popular=POPULAR)
    asked = about(queries([6], []), [5], [])
    asked = replace(asked, exclude=Ragged.of([[4], [1, 0]]))
    found = system.answer(asked, ITEMS)
    assert found.path == path
    assert bool(caplog.records) == (path != "full")
    # 7 is sold out, 6 was taken, 5 is what the page shows, 4 was excluded.
    assert set(found.ranking.of(0).item.tolist()) == {3, 2, 1, 0}
    assert set(found.ranking.of(1).item.tolist()) == {6, 5, 4, 3, 2}
    if path == "popular":
        assert lists(found.ranking, 2) == [[3, 2, 1, 0], [6, 5, 4, 3, 2]]


def test_the_worst_path_of_a_large_batch_is_told(shelf: Shelf) -> None:
    class BreaksOnce(Says):
        def retrieve(self, queries: Queries, n: int) -> Ranking:
            if len(queries) < BATCH:
                raise RuntimeError("no")
            return super().retrieve(queries, n)

    system = shelf.system(a=BreaksOnce(Settings(), says(1).state), popular=POPULAR)
    found = system.answer(queries(*[[]] * (BATCH + 3)), 1)
    assert found.path == "popular"
    assert found.ranking.item.tolist() == [1] * BATCH + [6] * 3


def test_short_lists_go_on_with_what_is_popular(shelf: Shelf) -> None:
    system = shelf.system(following=FOLLOWING, popular=POPULAR)
    only = system.config.placements["home"].model_copy(update={"retrievers": ("following",)})
    config = system.config.model_copy(update={"placements": {"home": only}})
    found = replace(system, config=config).answer(queries([0, 2], [], [4]), 4).ranking
    assert lists(found, 3) == [[1, 3, 6, 5], [6, 5, 4, 3], [5, 6, 3, 2]]
    assert all(np.diff(found.of(0).score) < 0)
    unfilled = config.model_copy(
        update={"placements": {"home": only.model_copy(update={"fill": False})}}
    )
    found = replace(system, config=unfilled).answer(queries([0, 2], []), 4).ranking
    assert lists(found, 2) == [[1, 3], []]


def test_anchored_placements_ask_about_the_anchors(shelf: Shelf) -> None:
    system = shelf.system(neighbours=FOLLOWING)
    asked = about(queries([0], [0, 2], [4]), [4, 5], [], [1])
    # Each page shows the anchors, so 5, which follows 4, is not offered again.
    assert lists(system.answer(asked, 5, "product").ranking, 3) == [[6], [1, 3], [2]]
    # In the basket, what was taken before is not offered either; at home, the past is asked about.
    taken = about(queries([3, 6], [0]), [5], [2])
    assert lists(system.answer(taken, 5, "cart").ranking, 2) == [[], [3]]
    assert lists(system.answer(taken, 5, "home").ranking, 2) == [[4], [1]]


def test_items_like_one(shelf: Shelf) -> None:
    """By what they are and by who took them."""
    system = shelf.system(content=says(3, 4), neighbours=FOLLOWING, popular=POPULAR)
    found = system.similar(np.array([1, 5], np.int32), 4, START)
    assert lists(found, 2) == [[2, 3, 4, 6], [3, 6, 4, 2]]
    bare = {name: one for name, one in system.config.placements.items() if name != "similar"}
    old = replace(system, config=system.config.model_copy(update={"placements": bare}))
    assert lists(old.similar(np.array([1], np.int32), 3, START), 1) == [[2, 6, 5]]


def test_what_was_taken_comes_back_where_it_is_asked_for(shelf: Shelf) -> None:
    system = shelf.system(a=says(0, 1, 2))
    asked = queries([1])
    assert lists(system.answer(asked, 3).ranking, 1) == [[0, 2]]
    assert lists(system.answer(asked, 3, include_seen=True).ranking, 1) == [[0, 1, 2]]
    viewed = replace(asked.history, kinds=np.array([kind("view")], np.int8))
    looked = replace(asked, history=viewed)
    assert lists(system.answer(looked, 3).ranking, 1) == [[0, 1, 2]]


def test_a_category_page_shows_its_category(shelf: Shelf) -> None:
    system = shelf.system(popular=POPULAR)
    asked = about(queries([], []), [0], [])
    assert lists(system.answer(asked, 9, "category").ranking, 2) == [
        [6, 4, 2],
        [6, 5, 4, 3, 2, 1, 0],
    ]


def test_an_unknown_placement_is_told_with_the_known_ones(shelf: Shelf) -> None:
    with pytest.raises(ConfigError, match=r"no placement 'hom'.*one of home, email, product"):
        shelf.system(a=says(1)).answer(queries([]), 1, "hom")


def test_no_questions_have_no_answers(shelf: Shelf) -> None:
    found = shelf.system(a=says(1), popular=POPULAR).answer(queries(), 5)
    assert (len(found.ranking), found.path) == (0, "full")


def test_reasons(tmp_path: Path) -> None:
    """Who takes 0 takes 1 next; 3 stands alone."""
    users = [user for user in range(1, 7) for _ in (0, 1)] + [7, 8]
    items = [0, 1] * 6 + [3, 3]
    known = dataset(tmp_path, users, items, goods=catalogue(4))
    retrievers: dict[str, Retriever[Any]] = {
        "popular": learned(Popular, known),
        "neighbours": learned(Neighbours, known),
    }
    system = Recommender(parse(""), known.catalogue, retrievers, None, {})
    asked = queries([3, 0])
    assert system.reasons(asked, ranking([0, 1, 2])) == [
        Reason("again", ()),
        Reason("because", (0,)),
        Reason("popular", ()),
    ]
    page = about(queries([3]), [0])
    assert system.reasons(page, ranking([1, 3]), "product") == [
        Reason("similar", (0,)),
        Reason("popular", ()),
    ]
    assert system.reasons(asked, ranking([])) == []


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recommender, Queries]:
    """A system of real stages, and a question of everyone."""
    data = checkerboard(tmp_path_factory.mktemp("board"))
    past = data.before(Part.TEST)
    others = set(parse("").retrievers) - {"popular", "neighbours"}
    leave_out = [f"retrievers.{name}.use=" for name in others]
    changes = [*leave_out, 'placements={buy_again={retrievers=["popular"]}}']
    changes.append('placements.recently_viewed.retrievers=["popular"]')
    config = parse("", changes)
    retrievers: dict[str, Retriever[Any]] = {
        "popular": learned(Popular, past),
        "neighbours": learned(Neighbours, past),
    }
    rules: dict[str, Rule[Any]] = {
        "already_taken": AlreadyTaken.fit(settings(AlreadyTaken), past.catalogue, Run()),
        "availability": Availability.fit(settings(Availability), past.catalogue, Run()),
        "one_of_a_kind": OneOfAKind.fit(settings(OneOfAKind), past.catalogue, Run()),
        "same_category": SameCategory.fit(settings(SameCategory), past.catalogue, Run()),
    }
    system = Recommender(config, past.catalogue, retrievers, taught(LambdaMART, data), rules)
    return system, past.now(np.arange(len(past.users), dtype=np.int32))


def test_what_was_saved_answers_as_before(
    board: tuple[Recommender, Queries], tmp_path: Path
) -> None:
    system, asked = board
    system.reweighted("home", {"neighbours": 2.0}, {}).save(tmp_path)
    loaded = Recommender.load(tmp_path)
    asked = about(asked, *[[row % 5] for row in range(len(asked))])
    for placement in loaded.config.placements:
        ours, theirs = (
            one.answer(asked, 9, placement)
            for one in (system.reweighted("home", {"neighbours": 2.0}, {}), loaded)
        )
        assert ours.path == theirs.path == "full"
        for name in ("query", "item", "score"):
            np.testing.assert_array_equal(
                getattr(ours.ranking, name), getattr(theirs.ranking, name)
            )
    assert loaded.config.placements["home"].weights == {"neighbours": 2.0}


def test_a_folder_without_a_system_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="does not hold a system"):
        Recommender.load(tmp_path)


def test_many_questions_are_answered_as_each_alone(board: tuple[Recommender, Queries]) -> None:
    system, asked = board
    many = asked.take(np.arange(2 * BATCH + 70) % len(asked))
    together = system.answer(many, 6)
    assert len(together.candidates.ranking) == len(together.candidates.places)
    for row in (0, 1, BATCH - 1, BATCH, 2 * BATCH, len(many) - 1):
        alone = system.answer(many.take(np.array([row])), 6).ranking
        assert together.ranking.of(row).item.tolist() == alone.item.tolist()
        np.testing.assert_array_equal(together.ranking.of(row).score, alone.score)


def test_company_does_not_change_an_answer_where_items_come_and_go(tmp_path: Path) -> None:
    """Item 0 goes on sale, and item 1 off, between the two questions."""
    between = START + 100 * DAY
    goods = catalogue(
        5,
        created_at=[between, None, None, None, None],
        expires_at=[None, between, None, None, None],
    )
    known = dataset(tmp_path, users=[1], items=[0], goods=goods)
    rules: dict[str, Rule[Any]] = {
        "availability": Availability.fit(settings(Availability), known.catalogue, Run())
    }
    config = parse("", ['placements.home.rules=["availability"]'])
    system = Recommender(config, known.catalogue, {"popular": says(0, 1, 2, 3, 4)}, None, rules)
    asked = replace(queries([], []), times=np.array([between - DAY, between + DAY]))
    assert lists(system.answer(asked, 3).ranking, 2) == [[1, 2, 3], [0, 2, 3]]
    together = system.answer(asked, 3).ranking
    for row in (0, 1):
        alone = system.answer(asked.take(np.array([row])), 3).ranking
        np.testing.assert_array_equal(together.of(row).score, alone.score)


def with_rules(shelf: Shelf, text: str, **retrievers: Retriever[Any]) -> Recommender:
    """A system whose home has these rules."""
    names = "".join(f"[retrievers.{name}]\nuse = 'my:Own'\n" for name in retrievers)
    config = parse(names + text)
    rules = rules_of(config, shelf.known)
    return Recommender(config, shelf.known.catalogue, retrievers, None, rules)


BOOSTS = """
[rules.one]
use = "endcap.rules.boost:Boost"
factors = {"price == 13" = 3.0}
[rules.two]
use = "endcap.rules.boost:Boost"
factors = {"price >= 13" = 2.0, "price == 10" = 0.1}
[rules.mixed]
use = "endcap.rules.diversity:Diversity"
weight = 0.0
"""


@pytest.mark.parametrize("order", ["'one', 'two', 'mixed'", "'mixed', 'two', 'one'"])
def test_weights_of_rules_multiply_whatever_their_order(shelf: Shelf, order: str) -> None:
    text = f"{BOOSTS}[placements.home]\nretrievers = ['a']\nrules = [{order}]\n"
    text += "[placements.email]\nretrievers = ['a']\nrules = []\n"
    system = with_rules(shelf, text, a=says(0, 1, 2, 3), popular=POPULAR)
    answer = system.answer(queries([]), ITEMS).ranking
    plain = system.answer(queries([]), ITEMS, "email").ranking
    assert plain.item.tolist() == [0, 1, 2, 3, 7, 6, 5, 4]
    # 3 has 6 times its score and 0 a tenth. Popular items fill the list with scores below zero,
    # which a factor of 2 halves.
    assert answer.item.tolist() == [3, 1, 2, 0, 7, 6, 5, 4]
    factors = np.array([6, 1, 1, 0.1, 0.5, 0.5, 0.5, 0.5])
    given = plain.score[[3, 1, 2, 0, 4, 5, 6, 7]]
    assert answer.score.tolist() == pytest.approx((given * factors).tolist())


PINNED = """
[rules.pins]
use = "endcap.rules.pins:Pins"
pins = [{place = 1, item = "i6"}, {place = 2, item = "i7"}, {place = 2, item = "i5"}]
[placements.home]
rules = ["already_taken", "availability", "pins"]
"""


@pytest.mark.parametrize("other", [says(0, 1), BROKEN], ids=["full", "popular"])
def test_a_pinned_item_is_shown_where_it_may_be(shelf: Shelf, other: Retriever[Any]) -> None:
    system = with_rules(shelf, PINNED, a=other, popular=says(0, 1, 2))
    found = system.answer(queries([], [6]), 4).ranking
    # 7 is sold out; 6 was taken by the second.
    assert found.of(0).item.tolist()[:2] == [6, 5]
    assert 6 not in found.of(1).item
    assert found.of(1).item.tolist()[1] == 5
    assert len(found) == 8


def test_only_a_question_with_a_seed_is_answered_by_chance(shelf: Shelf) -> None:
    text = """
    [rules.explore]
    use = "endcap.rules.explore:Explore"
    share = 0.5
    cut = 2
    [placements.home]
    rules = ["explore"]
    """
    system = with_rules(shelf, text, a=says(0, 1, 2, 3, 4))
    count = BATCH + 40  # more than one batch
    plain = queries(*[[]] * count)
    assert system.answer(plain, 2).ranking.propensity is None
    found = system.answer(replace(plain, seeds=np.arange(count)), 2).ranking
    assert found.chances.shape == (2 * count,)
    assert found.chances[found.item == 0].max() == pytest.approx(0.5)
    assert 0.3 < np.mean(found.item >= 2) < 0.7
    again = system.answer(replace(plain, seeds=np.arange(count)), 2).ranking
    assert again.item.tolist() == found.item.tolist()
