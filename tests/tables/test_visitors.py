"""What a visitor is like, from nothing but their own history and the moment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part
from endcap.tables.prepare import prepare, prepared
from endcap.tables.prepare.pieces import PIECE
from endcap.tables.prepare.visitor_features import onto_spans, pasts, usual_spans
from endcap.tables.schema import kind
from endcap.tables.visitors import visitor_features
from endcap.types import DAY, Floats, History, Queries, offsets_of
from tests.shops import dataset, in_parts
from tests.tables.raw_shop import START, goods, lively, raw_shop

HOUR = DAY // 24
MINUTE = HOUR // 60
Event = tuple[int, str, int]


def shop_of_three() -> Catalogue:
    table = pa.table({"category": pa.array([1, 1, 2], pa.int32())})
    features = pa.table({"price": [0.2, 0.6, 0.0], "has_price": [1.0, 1.0, 0.0]})
    return Catalogue(table, features)


def queries(*visitors: list[Event], now: int = START) -> Queries:
    """Each visitor's (item, type, microseconds ago), oldest first."""
    rows = [row for visitor in visitors for row in visitor]
    history = History(
        offsets_of(np.array([len(visitor) for visitor in visitors])),
        np.array([row[0] for row in rows], np.int32),
        np.array([kind(row[1]) for row in rows], np.int8),
        np.array([now - row[2] for row in rows], np.int64),
    )
    users, times = np.zeros(len(visitors), np.int32), np.full(len(visitors), now, np.int64)
    return Queries.of(users, times, history)


def features(asked: Queries) -> dict[str, Floats]:
    names, values = visitor_features(asked, shop_of_three())
    assert values.shape == (len(asked), len(names))
    assert values.dtype == np.float32
    return dict(zip(names, values.T, strict=True))


BUSY: list[Event] = [
    (0, "view", 30 * DAY),
    (0, "purchase", 9 * DAY),
    (1, "view", HOUR),
    (2, "view", 25 * MINUTE),
    (0, "purchase", 5 * MINUTE),
]


def test_what_the_values_say() -> None:
    found = {name: float(values[0]) for name, values in features(queries(BUSY)).items()}
    assert found["events"] == pytest.approx(np.log(6))
    assert found["events_7d"] == pytest.approx(np.log(4))
    assert found["events_28d"] == pytest.approx(np.log(5))
    assert found["session"] == pytest.approx(np.log(3))
    assert found["taken_share"] == pytest.approx(2 / 5)
    assert found["days_since_last"] == pytest.approx(np.log1p(5 / 60 / 24))
    assert found["days_known"] == pytest.approx(np.log(31))
    assert found["days_active"] == pytest.approx(np.log(4))
    assert found["items"] == pytest.approx(np.log(4))
    assert found["repeats"] == pytest.approx(2 / 5)
    assert found["categories"] == pytest.approx(np.log(3))
    assert found["price"] == pytest.approx((3 * 0.2 + 0.6) / 4)


def test_nobody_has_counts_of_0_and_shares_of_nothing() -> None:
    found = features(queries([], BUSY, []))
    assert found["events"][[0, 2]].tolist() == [0, 0]
    assert found["session"][[0, 2]].tolist() == [0, 0]
    assert np.isnan(found["price"][[0, 2]]).all()
    assert np.isnan(found["days_since_last"][[0, 2]]).all()
    assert found["events"][1] == pytest.approx(np.log(6))


def test_no_queries_and_no_events_at_all() -> None:
    assert features(queries())["events"].shape == (0,)
    assert features(queries([]))["events"].tolist() == [0]


def test_a_visitor_looks_the_same_in_any_company() -> None:
    quiet: list[Event] = [(1, "view", 2 * DAY)]
    alone = [visitor_features(queries(visitor), shop_of_three())[1] for visitor in (BUSY, quiet)]
    together = visitor_features(queries(BUSY, [], quiet), shop_of_three())[1]
    np.testing.assert_array_equal(together[[0, 2]], np.concatenate(alone))


def test_a_session_is_over_after_half_an_hour() -> None:
    ended: list[Event] = [(0, "view", 50 * MINUTE), (0, "view", 31 * MINUTE)]
    goes_on: list[Event] = [(0, "view", 50 * MINUTE), (0, "view", 30 * MINUTE)]
    assert features(queries(ended, goes_on))["session"] == pytest.approx([0, np.log(3)])


def test_midnight_is_near_to_one_o_clock() -> None:
    day = START // DAY * DAY
    at = {hour: features(queries([], now=day + hour * HOUR)) for hour in (0, 1, 12, 23)}

    def distance(one: int, other: int) -> float:
        names = ("hour_sin", "hour_cos")
        return float(np.hypot(*(at[one][name][0] - at[other][name][0] for name in names)))

    assert distance(23, 1) < distance(0, 12)
    assert distance(0, 1) == pytest.approx(distance(0, 23))


def test_features_of_visitors_go_from_0_to_1() -> None:
    values = np.random.default_rng(1).normal(size=(500, 3)).astype(np.float32)
    values[:5, 0], values[:, 2] = np.nan, 4
    scaled = onto_spans(usual_spans(values.T), values)
    assert scaled.dtype == np.float32
    assert (scaled.min(), scaled.max()) == (0, 1)
    assert scaled[:5, 0].tolist() == [0] * 5
    assert scaled[:, 2].tolist() == [0] * 500


def test_features_of_nobody_are_0() -> None:
    spans = usual_spans(np.zeros((1, 0), np.float32))
    assert onto_spans(spans, np.array([[3], [np.nan]], np.float32)).tolist() == [[0], [0]]


def test_later_events_do_not_change_what_is_asked(tmp_path: Path) -> None:
    shop = raw_shop(tmp_path, lively(), goods())
    prepare(shop)
    dataset = Dataset.load(prepared(shop))
    known = dataset.before(Part.TEST)
    asked = dataset.asked(Part.TEST).queries
    before = asked.times[asked.history.rows] > asked.history.times
    assert before.all()
    names, values = visitor_features(asked, known.catalogue)
    again = visitor_features(asked.take(np.arange(len(asked))[::-1]), known.catalogue)[1]
    np.testing.assert_array_equal(values, again[::-1])
    assert len(set(names)) == len(names)


def test_prepare_writes_one_row_a_visitor(tmp_path: Path) -> None:
    shop = raw_shop(tmp_path, lively(), goods())
    report = prepare(shop)
    table = pq.read_table(prepared(shop) / "features" / "visitors.parquet")
    assert table.num_rows == report["users"]
    values = np.stack([column.to_numpy() for column in table.columns])
    assert (values.min(), values.max()) == (0, 1)


@pytest.mark.parametrize("piece", [1, 7, 1_000, PIECE])
@pytest.mark.parametrize("folder", [False, True])
def test_pasts_in_pieces_are_the_whole_history(tmp_path: Path, piece: int, folder: bool) -> None:
    rng = np.random.default_rng(1)
    users, items = (rng.integers(low, high, 900).tolist() for low, high in ((1, 40), (0, 20)))
    data = dataset(tmp_path, users, items)
    if folder:
        in_parts(tmp_path / "events.parquet")
    pieces = [*pasts(tmp_path / "events.parquet", piece)]
    assert len(pieces) > (2 if piece < 900 else 0)
    joined, whole = History.concat(pieces), data.history.take(np.arange(1, len(data.users)))
    for name in ("offsets", "items", "kinds", "times"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name))


@pytest.mark.parametrize("protocol", ["time", "leave-one-out"])
def test_visitors_described_in_pieces_are_as_the_dataset_has_them(
    tmp_path: Path, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pasts, "__defaults__", (50,))
    shop = raw_shop(tmp_path, lively(), goods(), changes=[f"split.protocol={protocol}"])
    prepare(shop)
    data = Dataset.load(prepared(shop))
    asked = data.now(np.arange(1, len(data.users), dtype=np.int32))
    names, values = visitor_features(asked, data.catalogue)
    written = pq.read_table(prepared(shop) / "features" / "visitors.parquet")
    scaled = onto_spans(usual_spans(values.T), values)
    np.testing.assert_array_equal(
        np.stack([written[name].to_numpy() for name in names], axis=1), scaled
    )
