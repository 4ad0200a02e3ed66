from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from endcap.errors import StateError
from endcap.store.events import LiveEvents
from endcap.store.keys import Keys, matching
from endcap.types import HOUR

NOW = time.time_ns() // 1_000


@pytest.fixture
def keys(where: Path | str) -> Iterator[Keys]:
    opened = Keys.open(where)
    yield opened
    opened.close()


def part(key: str) -> str:
    return key.split("_")[1]


def test_a_key_is_known_again_and_its_secret_is_nowhere(keys: Keys, tmp_path: Path) -> None:
    made = keys.create("collect", "the shop's pages 商店", "ann")
    found = matching(keys.all(), made, NOW)
    assert found is not None
    assert (found.id, found.scope, found.note) == (part(made), "collect", "the shop's pages 商店")
    keys.database.submit(lambda connection: None).result()
    secret = made.split("_", 2)[2].encode()
    assert all(secret not in file.read_bytes() for file in tmp_path.iterdir())
    assert len(secret) == 43


def test_what_is_no_key(keys: Keys) -> None:
    made, other = keys.create("admin", "", "ann"), keys.create("admin", "", "ann")
    swapped = f"ek_{part(made)}_{other.split('_', 2)[2]}"
    for token in (
        "",
        made[:-1],
        made + "a",
        made.upper(),
        f"{made}\n",
        swapped,
        "ek__",
        "ек_" + made[3:],
    ):
        assert matching(keys.all(), token, NOW) is None, token
    assert matching({}, made, NOW) is None


def test_an_unknown_id_costs_what_a_wrong_secret_costs(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that no clock tells which ids there are: a hash, and a comparison that looks at all."""
    made = keys.create("admin", "", "ann")
    known, done = keys.all(), list[tuple[int, int]]()

    def same(one: str, other: str) -> bool:
        done.append((len(one), len(other)))
        return one == other

    monkeypatch.setattr("endcap.store.keys.hmac.compare_digest", same)
    for token in (f"ek_{part(made)}_{'A' * 43}", f"ek_{'0' * 12}_{'A' * 43}"):
        assert matching(known, token, NOW) is None
    assert done == [(64, 64)] * 2


def test_a_revoked_key_is_none(keys: Keys) -> None:
    made = keys.create("admin", "", "ann")
    keys.revoke(part(made), "bob")
    assert matching(keys.all(), made, NOW + HOUR) is None
    assert list(keys.all()) == [part(made)]
    with pytest.raises(StateError, match=f"The key {part(made)} has ended already"):
        keys.revoke(part(made), "bob")
    with pytest.raises(StateError, match=r"There is no key 'nope'\. Expected one of "):
        keys.revoke("nope", "bob")


def test_the_old_key_goes_on_for_the_hours_that_it_is_given(keys: Keys) -> None:
    old = keys.create("recommend", "back-end", "ann")
    new = keys.rotate(part(old), "ann", hours=2)
    found = keys.all()
    assert found[part(new)][1:3] == ("recommend", "back-end")
    now = time.time_ns() // 1_000
    assert matching(found, old, now + HOUR) is not None
    assert matching(found, old, now + 3 * HOUR) is None
    assert matching(found, new, now + 3 * HOUR) is not None
    with pytest.raises(StateError):
        keys.rotate("nope", "ann")


def test_a_key_that_is_not_shown_is_not_made(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rotation that fails half way leaves no key behind whose secret nobody has."""
    old = keys.create("recommend", "", "ann")
    monkeypatch.setattr("endcap.store.keys.update", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        keys.rotate(part(old), "ann")
    assert list(keys.all()) == [part(old)]


def test_every_change_is_written_down(keys: Keys) -> None:
    made = keys.create("collect", "", "ann")
    keys.revoke(part(made), "bob")
    keys.note("ek", "promote", "发布")
    acts = [act[1:] for act in keys.acts()]
    assert acts == [
        ("ek", "promote", "发布"),
        ("bob", "keys revoke", part(made)),
        ("ann", "keys create", f"{part(made)} collect"),
    ]
    assert len(keys.acts(1)) == 1


def test_keys_are_in_the_file_of_the_events(tmp_path: Path) -> None:
    path = tmp_path / "live.sqlite"
    with closing(LiveEvents.open(path)) as live:
        made = Keys(live.database).create("admin", "", "ann")
    with closing(Keys.open(path)) as keys:
        assert matching(keys.all(), made, NOW + HOUR) is not None
    with closing(sqlite3.connect(path)) as file:
        tables = {name for (name,) in file.execute("SELECT name FROM sqlite_master")}
    assert {"events", "impressions", "keys", "audit"} <= tables
