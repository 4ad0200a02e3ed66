"""Whatever a file holds, its import ends well or with a SourceError that says what is wrong."""

from __future__ import annotations

import contextlib
import copy
import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from endcap.errors import SourceError
from endcap.sources import import_file
from tests.sources.samples import DATA

SAMPLES = sorted(path.name for path in DATA.iterdir())

STRANGE: list[Any] = [
    *(None, True, -1, 1e308, "", "\0", "null", '"', "红", [], {}, [None], [[]], {"a": {}}, "NaN"),
    *("9" * 400, "2023-13-45", {"value": 1}, [1, "a", {}], {"": ""}),
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


@some
@given(st.sampled_from([one for one in SAMPLES if "json" in one]), st.randoms())
def test_json_with_other_types(name: str, chance: random.Random) -> None:
    text = (DATA / name).read_text(encoding="utf-8-sig")
    rows = [*_documents(text)]
    for _ in range(chance.randint(1, 4)):
        _put(chance.choice(rows), chance)
    survives("\n".join(json.dumps(row) for row in rows).encode())


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
