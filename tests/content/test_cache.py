"""What is kept is found again, and what is damaged is made anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from endcap.content import cache as module
from endcap.content.cache import Cache, fingerprint
from endcap.content.encoding import BATCH, BYTES, encode
from endcap.content.pieces import Piece, Unreadable
from endcap.encoders.text_hashing import Settings, TextHashing
from endcap.errors import SourceError
from endcap.types import Floats, silent

ROW = np.array([1.5, -2.0], np.float32)


def test_what_was_put_is_got(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "a" / "b.sqlite", 2)
    assert cache.get([b"k"]) == {}
    cache.put([b"k"], [ROW])
    np.testing.assert_array_equal(Cache(cache.path, 2).get([b"k", b"other"])[b"k"], ROW)


def test_nothing_is_kept_where_no_folder_is_given() -> None:
    cache = Cache(None, 2)
    cache.put([b"k"], [ROW])
    assert cache.get([b"k"]) == {}


def test_a_vector_of_another_length_is_not_taken(tmp_path: Path) -> None:
    Cache(tmp_path / "c.sqlite", 2).put([b"k"], [ROW])
    assert Cache(tmp_path / "c.sqlite", 3).get([b"k"]) == {}


@pytest.mark.parametrize("content", [b"no database at all" * 500, b""])
def test_a_damaged_file_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    cache = Cache(tmp_path / "c.sqlite", 2)
    cache.put([b"k"], [ROW])
    (tmp_path / "c.sqlite").write_bytes(content)
    assert cache.get([b"k"]) == {}
    cache.put([b"k"], [ROW])
    assert set(cache.get([b"k"])) == {b"k"}


def test_a_file_cut_off_in_the_middle_is_begun_anew(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c.sqlite", 2)
    keys = [f"{n:032}".encode() for n in range(2_000)]
    cache.put(keys, [ROW] * len(keys))
    whole = (tmp_path / "c.sqlite").read_bytes()
    (tmp_path / "c.sqlite").write_bytes(whole[: len(whole) // 3])
    assert len(cache.get(keys)) < len(keys)
    cache.put(keys, [ROW] * len(keys))
    assert len(cache.get(keys)) == len(keys)


def test_a_place_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "c.sqlite").mkdir()
    with pytest.raises(SourceError, match=r"c\.sqlite cannot be used: unable to open"):
        Cache(tmp_path / "c.sqlite", 2).get([b"k"])


def test_several_may_write_at_once(tmp_path: Path) -> None:
    one, other = (Cache(tmp_path / "c.sqlite", 2) for _ in range(2))
    one.put([b"k"], [ROW])
    other.put([b"k", b"m"], [ROW, ROW])
    assert set(one.get([b"k", b"m"])) == {b"k", b"m"}


def test_half_a_batch_is_never_there(tmp_path: Path) -> None:
    """A transaction that fails leaves the file as it was."""
    cache = Cache(tmp_path / "c.sqlite", 2)
    cache.put([b"k"], [ROW])
    with pytest.raises(ValueError, match="zip"):
        cache.put([b"m", b"n"], [ROW])
    with closing(sqlite3.connect(tmp_path / "c.sqlite")) as database:
        assert database.execute("SELECT count(*) FROM vectors").fetchone() == (1,)


def test_other_settings_arrays_or_weights_are_kept_apart() -> None:
    arrays = {"terms": np.zeros(1, np.uint64)}
    model = TextHashing(Settings(), arrays)
    others = [
        TextHashing(Settings(dim=7), arrays),
        TextHashing(Settings(), {"terms": np.ones(1, np.uint64)}),
        TextHashing(Settings(), {"words": np.zeros(1, np.uint64)}),
    ]
    names = {fingerprint(one, "w") for one in [model, *others]} | {fingerprint(model, "v")}
    assert len(names) == 5
    assert fingerprint(TextHashing(Settings(), dict(arrays)), "w") == fingerprint(model, "w")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "version", lambda _: "another")
        names.add(fingerprint(model, "w"))
    assert len(names) == 6


def lengths(contents: Sequence[bytes]) -> list[Floats | str]:
    """Content of an even length is what can be encoded."""
    return ["is odd" if len(one) % 2 else np.array([len(one), 1], np.float32) for one in contents]


def lost() -> bytes:
    raise Unreadable("gives no answer")


def test_a_fault_is_counted_masked_and_tried_again(tmp_path: Path) -> None:
    pieces = [
        Piece.of(b"aa"),
        None,
        Piece.of(b"a"),
        Piece.of(b"aa"),
        "no such file",
        Piece(b"x", lost),
    ] * BATCH
    cache = Cache(tmp_path / "c.sqlite", 2)
    for _ in range(2):
        found = encode(iter(pieces), len(pieces), lengths, cache, silent, "test")
        assert found.known.tolist() == [True, False, False, True, False, False] * BATCH
        assert found.faults == {
            "is odd": BATCH,
            "no such file": BATCH,
            "gives no answer": BATCH,
        }
    assert cache.get([Piece.of(b"a").key, b"x"]) == {}


def test_what_could_not_be_read_is_told(caplog: pytest.LogCaptureFixture) -> None:
    pieces: list[Piece | str] = [Piece.of(b"aa"), *["no such file"] * 2, Piece.of(b"a")]
    encode(iter(pieces), 4, lengths, Cache(None, 2), silent, "test")
    assert caplog.messages == [
        "test: of 3 of 4 items nothing is known: no such file (2), is odd (1)"
    ]


def test_large_files_are_not_all_in_memory_at_once() -> None:
    asked = list[int]()

    def counting(contents: Sequence[bytes]) -> list[Floats | str]:
        asked.append(len(contents))
        return lengths(contents)

    pieces = [Piece(b"%d" % n, lambda: b"aa", BYTES // 2) for n in range(5)]
    encode(iter(pieces), 5, counting, Cache(None, 2), silent, "test")
    assert asked == [2, 2, 1]


def test_a_run_that_was_killed_has_kept_its_batches(tmp_path: Path) -> None:
    asked = list[int]()

    def dying(contents: Sequence[bytes]) -> list[Floats | str]:
        asked.append(len(contents))
        if len(asked) == 3:
            raise KeyboardInterrupt
        return lengths(contents)

    pieces = [Piece.of(b"aa" * n) for n in range(4 * BATCH)]
    cache = Cache(tmp_path / "c.sqlite", 2)
    with pytest.raises(KeyboardInterrupt):
        encode(iter(pieces), len(pieces), dying, cache, silent, "test")
    encode(iter(pieces), len(pieces), dying, cache, silent, "test")
    assert asked == [BATCH] * 5
