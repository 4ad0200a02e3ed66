"""Of several rankers the best one stays, and none where none helps."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from endcap import config
from endcap.config import Config
from endcap.experiment.weights import choose_ranker
from endcap.experiment.work import Work
from endcap.features import Features
from endcap.recommender import Recommender
from endcap.retrievers.popular import Popular
from endcap.stages import Ranker, Run
from endcap.tables.asked import Asked
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part
from endcap.types import Candidates, Queries, Ranking, silent
from tests.contracts.found import SMALL
from tests.shops import checkerboard


class Settings(config.Settings):
    like: float


class Colour(Ranker[Settings]):
    """Items of the visitor's colour first where `like` is above 0, last where it is below."""

    settings_type = Settings

    @classmethod
    def fit(
        cls, settings: Settings, dataset: Dataset, asked: Asked, candidates: Candidates, run: Run
    ) -> Self:
        return cls(settings, {})

    def rank(self, queries: Queries, candidates: Candidates, catalogue: Catalogue) -> Ranking:
        rows = candidates.ranking
        same = rows.item % 2 == queries.users[rows.query] % 2
        return candidates.score(self.settings.like * same.astype(np.float32) + rows.score)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return checkerboard(tmp_path_factory.mktemp("board"))


def chosen(board: Dataset, **likes: float) -> tuple[Ranker[Any] | None, list[str]]:
    """The ranker that stays, and the ones among the settings."""
    rankers = {name: Colour(Settings(like=like), {}) for name, like in likes.items()}
    stages = {name: {"use": "x:X"} for name in likes}
    home = {"retrievers": ["popular"], "rules": []}
    settings = Config.model_validate({"rankers": stages, "placements": {"home": home}})
    past = board.before(Part.VALIDATION)
    popular = Popular.fit(Popular.settings_type(), past, None, Run())
    system = Recommender(settings, past.catalogue, {"popular": popular}, None, {})
    found = choose_ranker(system, rankers, board.asked(Part.VALIDATION), "home")
    return found.ranker, list(found.config.rankers)


def test_the_best_one_stays(board: Dataset) -> None:
    ranker, names = chosen(board, worse=-9.0, best=9.0, hardly=1e-9)
    assert ranker is not None
    assert ranker.settings.like == 9
    assert names == ["best"]


def test_none_stays_that_does_not_help(board: Dataset) -> None:
    ranker, names = chosen(board, worse=-9.0, same=0.0)
    assert ranker is None
    assert names == ["worse", "same"]


def test_without_rankers_there_is_none(board: Dataset) -> None:
    assert chosen(board) == (None, [])


def test_all_rankers_are_told_what_is_declared(board: Dataset, tmp_path: Path) -> None:
    """And know it when they are loaded, with all that it has learned."""
    windowed = {"use": "endcap.features.windowed:Windowed", "scale": "quantile"}
    rankers = {
        name: {"use": f"endcap.rankers.{name.lower()}:{cls}", **SMALL[cls]}
        for name, cls in (("LambdaMART", "LambdaMART"), ("deep", "DeepRanker"))
    }
    home = {"retrievers": ["popular"], "rules": []}
    tree = {"features": {"lately": windowed}, "rankers": rankers, "placements": {"home": home}}
    settings, past = Config.model_validate(tree), board.before(Part.RANKER)
    popular = Popular.fit(Popular.settings_type(), past, None, Run())
    work = Work(settings, board, tmp_path, silent)
    taught = work.rankers(work.system(Part.RANKER, {"popular": popular}))
    assert set(taught) == set(rankers)
    queries = board.asked(Part.TEST).queries
    candidates = Candidates.of({"popular": popular.retrieve(queries, 5)})
    for one in taught.values():
        names, values = Features.of(one.state)(queries, candidates, past.catalogue)
        assert names == ["place_popular", "score_popular", "lately"]
        assert len(np.unique(values[:, 2])) > 1
        assert (values[:, 2].min() >= 0, values[:, 2].max() <= 1) == (True, True)


def test_epochs_are_chosen_by_what_the_placement_would_answer(
    board: Dataset, tmp_path: Path
) -> None:
    home = {"retrievers": ["popular"], "rules": ["already_taken"]}
    settings = Config.model_validate({"placements": {"home": home}})
    judge = Work(settings, board, tmp_path, silent)._judge(Part.VALIDATION)
    assert judge is not None
    for row in range(len(judge)):
        assert set(judge.queries.history.take(np.array([row])).items) <= set(
            judge.queries.exclude[row]
        )
