"""What every feature promises: see `Feature` in `endcap.stages`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, get_args

import numpy as np
import pytest

from endcap import config, features
from endcap.class_paths import check
from endcap.errors import ConfigError
from endcap.features import Features
from endcap.features.windowed import Windowed
from endcap.stages import Feature
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.overlay import Overlay
from endcap.tables.parts import Part
from endcap.types import Candidates, Floats, Ranking
from tests.contracts.found import FEATURES, proposals

WAYS = get_args(config.Feature.model_fields["scale"].annotation)


@pytest.fixture(scope="session")
def candidates(asked: Asked, past: Dataset) -> Candidates:
    return proposals(asked.queries, past)


def declared(cls: type[Feature[Any]], scale: str = "none") -> dict[str, config.Feature]:
    use = f"{cls.__module__}:{cls.__name__}"
    return {"one": config.Feature.model_validate({"use": use, "scale": scale})}


@pytest.fixture(scope="session", params=FEATURES, ids=lambda cls: cls.__name__)
def stages(request: pytest.FixtureRequest) -> dict[str, config.Feature]:
    return declared(request.param)


@pytest.fixture(scope="session")
def fitted(
    stages: dict[str, config.Feature], asked: Asked, candidates: Candidates, past: Dataset
) -> Features:
    return Features.fit(stages, asked.queries, candidates, past.catalogue)


@pytest.fixture(scope="session")
def values(fitted: Features, asked: Asked, candidates: Candidates, past: Dataset) -> Floats:
    names, found = fitted(asked.queries, candidates, past.catalogue)
    assert names[:4] == ["place_popular", "place_neighbours", "score_popular", "score_neighbours"]
    assert len(names) > 4
    assert all(name.split("_")[0] == "one" for name in names[4:])
    assert found.shape == (len(candidates.ranking), len(names))
    assert found.dtype == np.float32
    return found


def test_one_alone_is_as_among_many(
    fitted: Features, values: Floats, asked: Asked, candidates: Candidates, past: Dataset
) -> None:
    for query in (0, 11, 47):
        rows = candidates.ranking.query == query
        own = candidates.keep(rows)
        own = replace(own, ranking=replace(own.ranking, query=np.zeros_like(own.ranking.query)))
        _, alone = fitted(asked.queries.take(np.array([query])), own, past.catalogue)
        np.testing.assert_array_equal(alone, values[rows])


@pytest.mark.parametrize("rows", [7, 250])
def test_a_few_at_a_time_are_as_all_at_once(
    fitted: Features,
    values: Floats,
    asked: Asked,
    candidates: Candidates,
    past: Dataset,
    rows: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(features, "ROWS", rows)
    _, found = fitted(asked.queries, candidates, past.catalogue)
    np.testing.assert_array_equal(found, values)


def test_what_happens_at_the_moment_or_later_changes_nothing(
    fitted: Features, values: Floats, board: Dataset, candidates: Candidates, past: Dataset
) -> None:
    """Of each question's log, only what was before it is left, or it is doubled at the moment."""
    asked = board.asked(Part.TEST)
    (log,) = board.log()
    for query in (0, 11, 47):
        moment = asked.queries.times[query]
        before, after = log.keep(log.times < moment), log.keep(log.times >= moment)
        more = replace(after, times=np.full_like(after.times, moment))
        for known in ((before,), (before, after, more)):
            one = replace(asked.queries.take(np.array([query])), log=partial(tuple, known))
            own = candidates.keep(candidates.ranking.query == query)
            own = replace(own, ranking=replace(own.ranking, query=np.zeros_like(own.ranking.query)))
            _, found = fitted(one, own, past.catalogue)
            np.testing.assert_array_equal(found, values[candidates.ranking.query == query])


@pytest.mark.parametrize("scale", WAYS)
def test_what_is_kept_says_the_same(
    stages: dict[str, config.Feature],
    scale: str,
    asked: Asked,
    candidates: Candidates,
    past: Dataset,
) -> None:
    own = {name: one.model_copy(update={"scale": scale}) for name, one in stages.items()}
    before = Features.fit(own, asked.queries, candidates, past.catalogue)
    after = Features.of({**before.state, "another": np.zeros(3)})
    some = candidates.keep(slice(100))
    (names, ours), (again, theirs) = (
        one(asked.queries, some, past.catalogue) for one in (before, after)
    )
    assert names == again
    np.testing.assert_array_equal(ours, theirs)


def test_items_that_came_since_have_values(
    fitted: Features, asked: Asked, past: Dataset, candidates: Candidates
) -> None:
    goods = Overlay.over(past.catalogue).changed([{"item_id": "new", "gone": False}])
    query = np.arange(len(asked), dtype=np.int32)
    lists = Ranking(query, np.full_like(query, goods.new[0]), np.zeros(len(query), np.float32))
    found = Candidates.of({"popular": lists})
    _, values = fitted(asked.queries, found, goods)
    assert len(values) == len(asked)
    assert not np.isinf(values).any()


def test_nothing_to_tell_is_no_error(
    fitted: Features, asked: Asked, candidates: Candidates, past: Dataset
) -> None:
    _, values = fitted(asked.queries, candidates.keep(slice(0)), past.catalogue)
    assert len(values) == 0


def test_who_asks_nothing_of_the_log_does_not_call_it(
    asked: Asked, candidates: Candidates, past: Dataset
) -> None:
    """So a ranker with the default features costs the service no look into its store."""
    queries = replace(asked.queries, log=lambda: pytest.fail("it was called"))
    own = Features.fit(config.Config().features, queries, candidates, past.catalogue)
    own(queries, candidates, past.catalogue)
    windowed = Features.fit(declared(Windowed), asked.queries, candidates, past.catalogue)
    with pytest.raises(pytest.fail.Exception, match="it was called"):
        windowed(queries, candidates, past.catalogue)


def test_two_columns_of_one_name_are_refused(
    asked: Asked, candidates: Candidates, past: Dataset
) -> None:
    clock = config.Feature(use="endcap.features.clock:Clock")
    hour = config.Feature(use="endcap.features.windowed:Windowed")
    with pytest.raises(ConfigError, match="two columns the name 'at_hour'"):
        Features.fit({"at": clock, "at_hour": hour}, asked.queries, candidates, past.catalogue)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("window = '2w'", ["features.mine: window = '2w'", "up to 30 days"]),
        ("of = 'shelf'", ["features.mine: of = 'shelf'", "'item', 'category'"]),
        ("event_types = ['buy']", ["features.mine: event_types = ['buy']", "add_to_cart"]),
        ("windows = '7d'", ["features.mine: windows = '7d'", "of, event_types, window, rate"]),
        ("scale = 'log'", ["features.mine.scale = 'log'", "'min-max', 'standard' or 'quantile'"]),
    ],
)
def test_a_wrong_setting_is_told(setting: str, told: list[str]) -> None:
    text = f"[features.mine]\nuse = 'endcap.features.windowed:Windowed'\n{setting}"
    with pytest.raises(ConfigError) as error:
        check(config.parse(text))
    for part in told:
        assert part in str(error.value)


@pytest.mark.parametrize("name", ["views 7d", "place_views", "score_x", "größe", "a.b", 'a"'])
def test_a_name_that_is_no_column_is_told(name: str) -> None:
    with pytest.raises(ConfigError, match="letters, digits and _") as error:
        config.parse(f"[features.{name!r}]\nuse = 'endcap.features.clock:Clock'")
    assert name in str(error.value)


def test_a_feature_is_left_out_by_an_empty_class_path() -> None:
    assert "pair" not in config.parse("[features.pair]\nuse = ''").features


def test_what_is_no_feature_is_told() -> None:
    with pytest.raises(
        ConfigError, match=r"features\.mine\.use = 'endcap\.rules\.pins:Pins' is not a"
    ):
        check(config.parse("[features.mine]\nuse = 'endcap.rules.pins:Pins'"))
