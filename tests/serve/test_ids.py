"""Ids of answers."""

from __future__ import annotations

import time
import uuid

from endcap.serve.ids import new_id, seed_of


def test_one_comes_after_all_of_an_earlier_moment() -> None:
    before = [new_id() for _ in range(100)]
    time.sleep(0.002)
    after = [new_id() for _ in range(100)]
    assert max(map(str, before)) < min(map(str, after))


def test_it_is_a_uuid_of_the_seventh_kind_that_says_when_it_was_made() -> None:
    began = time.time_ns() // 1_000_000
    id_ = new_id()
    assert (id_.version, id_.variant) == (7, uuid.RFC_4122)
    assert began <= id_.int >> 80 <= time.time_ns() // 1_000_000


def test_no_two_begin_with_the_same_chance() -> None:
    seeds = [seed_of(new_id()) for _ in range(1_000)]
    assert len({*seeds}) == 1_000
    assert all(0 <= seed < 1 << 62 for seed in seeds)
    assert max(seeds) > 1 << 61, "they use all of their bits"
