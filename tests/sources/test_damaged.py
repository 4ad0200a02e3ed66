"""Whatever a file holds, its import ends well or with a SourceError that says what is wrong."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from endcap.errors import SourceError
from endcap.sources import import_file
from tests.sources.samples import DATA

SAMPLES = sorted(path.name for path in DATA.iterdir())

STRANGE: list[Any] = [
    *(None, True, -1, 1e308, "", "\0", "null", '"', "红", [], {}, [None], [[]], {"a": {}}, "NaN"),
    *("9" * 400, "2023-13-45", {"value": 1}, [1, "a", {}], {"": ""}, {"\0": 1}, "\ud800"),
    *("infinity", "-infinity", "290000-01-01", "0001-01-01 BC", 1e20, -9e18, {'"': {"'": 1}}),
]

some = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])


def survives(content: bytes, **options: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        with contextlib.suppress(SourceError):
            import_file(Path(folder) / "tables", str(path), **options)


@pytest.mark.parametrize("name", SAMPLES)
def test_files_that_are_cut_off(name: str) -> None:
    content = (DATA / name).read_bytes()
    for share in (0.3, 0.9):
        survives(content[: round(len(content) * share)])


@some
@given(st.sampled_from(SAMPLES), st.randoms(use_true_random=False))
def test_files_with_bytes_changed(name: str, chance: random.Random) -> None:
    content = bytearray((DATA / name).read_bytes())
    for _ in range(chance.randint(1, 8)):
        content[chance.randrange(len(content))] = chance.choice(b'\0\n\r",;{}[]<>:|\xff\xe9a0')
    survives(bytes(content))


@pytest.mark.slow
@some
@given(st.sampled_from([one for one in SAMPLES if "json" in one]), st.randoms())
def test_json_with_other_types(name: str, chance: random.Random) -> None:
    text = (DATA / name).read_text(encoding="utf-8-sig")
    rows = [*_documents(text)]
    for _ in range(chance.randint(1, 4)):
        _put(chance.choice(rows), chance)
    survives("\n".join(json.dumps(row) for row in rows).encode())


EXTREMES = [0, 1, -1, 2**31, -(2**31), 2**62, -(2**62), 1_700_000_000_000_000]
EVENT = {"user_id": "u", "item_id": "i", "event_type": "view", "timestamp": 1, "price": 1.0}
KINDS: list[pa.DataType] = [
    *(pa.timestamp(unit) for unit in ("s", "ms", "us", "ns")),
    *(pa.timestamp("us", "Europe/Berlin"), pa.date32(), pa.date64(), pa.time32("s")),
    *(pa.time64("us"), pa.duration("us"), pa.bool_(), pa.int8(), pa.uint64(), pa.float16()),
    *(pa.float64(), pa.decimal128(38, 3), pa.decimal256(70, 3), pa.null()),
]


def _columns_of_any_type() -> Iterator[pa.Array]:
    numbers = pa.array(EXTREMES)
    for kind in KINDS:
        values: list[Any] = [None] if kind == pa.null() else [*EXTREMES]
        with contextlib.suppress(pa.ArrowException, OverflowError, TypeError, ValueError):
            yield pa.array(values, kind)
            continue
        with contextlib.suppress(pa.ArrowException):
            yield numbers.cast(kind, safe=False)
    yield pa.array([b"\xff\0", b""], pa.binary())
    yield pa.array([b"ab", b"\xff\0"], pa.binary(2))
    yield pa.array(["a", ""]).dictionary_encode()
    yield pa.array([[1], []])
    yield pa.array([{"a": 1}, None])
    yield pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64()))
    yield pa.array([[[["a"]]], None])


ARRAYS = [*_columns_of_any_type()]


@pytest.mark.parametrize("place", range(len(ARRAYS)), ids=[str(one.type) for one in ARRAYS])
def test_parquet_columns_of_any_type(place: int) -> None:
    array = ARRAYS[place]
    for name in EVENT:
        columns = {other: pa.array([value] * len(array)) for other, value in EVENT.items()}
        file = io.BytesIO()
        with contextlib.suppress(pa.ArrowException):  # Parquet has no such type, or no such value
            pq.write_table(pa.table(columns | {name: array}), file)
            survives(file.getvalue())


def test_a_day_that_no_calendar_has_costs_its_row_alone(tmp_path: Path) -> None:
    days = pa.array([19_000, 2**31 - 1, -(2**31)], pa.int32()).cast(pa.date32())
    columns = {"user_id": ["u"] * 3, "item_id": ["i"] * 3, "event_type": ["view"] * 3}
    pq.write_table(pa.table({**columns, "timestamp": days}), tmp_path / "file")
    (found,) = import_file(tmp_path / "tables", str(tmp_path / "file"))
    assert (found.kept, found.dropped) == (1, {"unreadable_timestamp": 2})


@some
@given(st.binary(max_size=300))
def test_any_bytes(content: bytes) -> None:
    survives(content)


def test_a_line_of_a_hundred_megabytes() -> None:
    line = b'{"event_name": "' + b"x" * 100_000_000 + b'"}'
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "file").write_bytes(line)
        with pytest.raises(SourceError, match=r"holds no rows \(1 broken"):
            import_file(Path(folder) / "tables", str(Path(folder) / "file"))


def _documents(text: str) -> Iterator[dict[str, Any]]:
    try:
        whole = json.loads(text)
        yield from whole if isinstance(whole, list) else [whole]
    except ValueError:
        for line in text.splitlines():
            with contextlib.suppress(ValueError):
                yield json.loads(line)


def _put(value: Any, chance: random.Random) -> None:
    """Something strange somewhere inside."""
    while isinstance(value, dict | list) and value:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = chance.choice(keys)
        if chance.random() < 0.4 or not isinstance(value[key], dict | list) or not value[key]:
            value[key] = copy.deepcopy(chance.choice(STRANGE))
            return
        value = value[key]
