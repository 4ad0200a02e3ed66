"""A person who is forgotten is nowhere any more."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import MetaData, select

from endcap.cli.app import run
from endcap.config import Shop, alone
from endcap.experiment.forget import is_of, sealed
from endcap.store.compact import into_tables
from endcap.store.database import Database
from endcap.store.releases import Releases
from endcap.tables.dataset import Dataset
from endcap.tables.prepare import prepare, prepared
from tests.serve.shops import NOW, QUICK, serving

if TYPE_CHECKING:
    from tests.store.postgres import Postgres

WHO, DEVICE = "user-07", "李's phone"


def places(folder: Path, text: str) -> list[str]:
    """Every file that holds a text: in its bytes, or in what a Parquet file says. It shares no
    code with what erases."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        plain = path.read_bytes()
        if path.suffix == ".parquet":
            plain += json.dumps(pq.read_table(path).to_pylist(), ensure_ascii=False).encode()
        if text.encode() in plain or json.dumps(text)[1:-1].encode() in plain:
            found.append(str(path.relative_to(folder)))
    return found


@pytest.fixture
def lived_in(own: Shop) -> Shop:
    return live_in(own)


def live_in(own: Shop) -> Shop:
    """A shop in which someone left traces wherever one can."""
    with serving(own) as (client, _):
        for number, who in enumerate(
            ({"user_id": WHO}, {"anonymous_id": DEVICE}, {"user_id": "ann"})
        ):
            event = {
                "event_type": "purchase",
                "item_id": "item-01",
                "timestamp": NOW + number,
                **who,
            }
            client.post("/v1/events", json=event).raise_for_status()
            client.post("/v1/recommend", json={**who, "n": 3}).raise_for_status()
        both = {"user_id": "ann", "anonymous_id": DEVICE}
        client.post("/v1/recommend", json={**both, "n": 3}).raise_for_status()
        client.put(f"/v1/users/{WHO}", json={"attributes": {"a": 1}}).raise_for_status()
        client.put("/v1/users/ann", json={"attributes": {"a": 2}}).raise_for_status()
        client.post(f"/v1/users/{WHO}/merge", json={"anonymous_id": DEVICE}).raise_for_status()
    into_tables(own)
    prepare(own)
    asked = pa.table({"task": ["home"] * 2, "user_id": [WHO, "ann"], "time": [1, 2]})
    pq.write_table(asked, own.releases / "first" / "questions.parquet")
    manifest = own.releases / "first" / "release.json"
    values = json.loads(manifest.read_text())
    from endcap.store.releases import checksums

    values["files"] = checksums(own.releases / "first") | {}
    values["files"].pop("release.json")
    manifest.write_text(json.dumps(values))
    return own


def forget(shop: Shop, capsys: pytest.CaptureFixture[str], who: str = WHO) -> dict[str, Any]:
    capsys.readouterr()
    assert run(["forget", "--user", who, "--json", "--shop", str(shop.folder)]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_nothing_of_them_is_left(lived_in: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    before = {text: places(lived_in.folder, text) for text in (WHO, DEVICE)}
    assert len(before[WHO]) >= 6, "else the search finds nothing to erase"
    assert "live.sqlite" in before[DEVICE]
    certificate = forget(lived_in, capsys)
    for text in (WHO, DEVICE):
        assert places(lived_in.folder, text) == []
        assert text not in json.dumps(certificate, ensure_ascii=False)
    erased = {place["where"]: place["rows"] for place in certificate["erased"]}
    assert erased["store: events"] == 2
    assert erased["store: answers"] == 3, "the one in which the device was named too"
    assert erased["store: impressions"] == 3, "a row for each answer"
    assert erased["releases/first/questions.parquet"] == 1
    assert certificate["devices"] == 1
    assert certificate["left_in_the_store"] == ""
    Releases(lived_in.releases).verify("first")


def rows(shop: Shop) -> str:
    """All that a store says, whatever its tables."""
    found = MetaData()
    with closing(Database(shop.live)) as store, store.engine.connect() as connection:
        found.reflect(connection)
        every = [
            [*map(str, row)]
            for one in found.sorted_tables
            for row in connection.execute(select(one))
        ]
    return json.dumps(every, ensure_ascii=False)


def test_a_server_forgets_them_too(
    own: Shop,
    postgres: Postgres,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ENDCAP_DATABASE_URL", postgres.database())
    shop = live_in(Shop.open(own.folder, QUICK))
    before = rows(shop)
    assert WHO in before
    assert DEVICE in before
    certificate = forget(shop, capsys)
    for text in (WHO, DEVICE, json.dumps(DEVICE)[1:-1]):
        assert text not in rows(shop)
        assert places(shop.folder, text) == []
    erased = {place["where"]: place["rows"] for place in certificate["erased"]}
    assert (erased["store: events"], erased["store: answers"]) == (2, 3)
    assert "VACUUM" in certificate["left_in_the_store"]
    assert '"ann"' in rows(shop), "the others stay"


def test_the_others_stay(lived_in: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    before = Dataset.load(prepared(lived_in))
    old = before.history.take(before.user_codes(["ann", "user-08"]))
    forget(lived_in, capsys)
    after = Dataset.load(prepared(lived_in))
    new = after.history.take(after.user_codes(["ann", "user-08"]))
    np.testing.assert_array_equal(old.items, new.items)
    assert after.user_codes([WHO]).tolist() == [0]
    gone = before.user == before.user_codes([WHO])[0]
    assert len(after) == len(before) - gone.sum()
    assert not np.isin(before.user_codes([WHO]), after.user).any()
    with serving(lived_in) as (client, _):
        assert client.get("/v1/users/ann").json()["attributes"] == {"a": 2}
        assert client.get(f"/v1/users/{WHO}").status_code == 404
        answer = client.post("/v1/recommend", json={"user_id": WHO}).json()["items"]
        assert answer == client.post("/v1/recommend", json={}).json()["items"]


def test_the_next_training_knows_nothing_of_them(
    lived_in: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    forget(lived_in, capsys)
    prepare(lived_in)
    assert WHO not in Dataset.load(prepared(lived_in)).users
    assert places(lived_in.folder, WHO) == []


def test_a_certificate_is_of_someone_and_can_not_be_changed(
    lived_in: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    certificate = forget(lived_in, capsys)
    assert sealed(certificate)
    assert not sealed({**certificate, "devices": 5})
    assert is_of(certificate, WHO)
    assert not is_of(certificate, "ann")
    [release] = certificate["releases"]
    assert (release["release"], release["live"]) == ("first", True)
    assert "until the next fit" in release["holds"]


def test_the_service_forgets_while_it_runs(lived_in: Shop) -> None:
    with serving(lived_in) as (client, current):
        recent = {"user_id": WHO, "placement": "recently_viewed"}
        assert client.post("/v1/recommend", json=recent).json()["items"]
        answer = client.delete(f"/v1/users/{WHO}")
        assert answer.status_code == 200
        assert sealed(answer.json())
        assert client.post("/v1/recommend", json=recent).json()["items"] == []
        assert current.loaded is not None
    assert places(lived_in.folder / "tables", WHO) == []


def test_files_of_others_that_name_them_are_named(
    lived_in: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    (lived_in.folder / "lists.csv").write_text(f"user_id,rank\n{WHO},1\n")
    (lived_in.folder / "notes.txt").write_text(f"{WHO}7 is someone else")
    assert forget(lived_in, capsys)["found_elsewhere"] == ["lists.csv"]


def test_someone_unknown_has_a_certificate_too(
    lived_in: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    certificate = forget(lived_in, capsys, "never was here")
    assert certificate["erased"] == []
    forget(lived_in, capsys)
    assert forget(lived_in, capsys)["erased"] == [], "nothing is left for a second time"


def test_while_prepare_is_at_work_it_is_said(
    lived_in: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    with alone(lived_in.prepared, "prepare"):
        assert run(["forget", "--user", WHO, "--shop", str(lived_in.folder)]) == 1
        with serving(lived_in) as (client, _):
            assert client.delete(f"/v1/users/{WHO}").status_code == 503
    assert "Another `endcap prepare` is at work" in capsys.readouterr().err


def test_the_audit_log_names_no_user(lived_in: Shop) -> None:
    from endcap.store.keys import Keys

    with serving(lived_in) as (client, current):
        keys = Keys(current.live.database)
        key = keys.create("admin", "", "me")
        headers = {"Authorization": f"Bearer {key}"}
        client.put("/v1/users/bob", json={}, headers=headers).raise_for_status()
        client.delete("/v1/users/bob", headers=headers).raise_for_status()
        client.put("/v1/items/x", json={}, headers=headers).raise_for_status()
        acts = [act.action for act in keys.acts()]
    assert acts[:3] == [
        "PUT /v1/items/x",
        "DELETE /v1/users/{user_id}",
        "PUT /v1/users/{user_id}",
    ]
