"""`endcap keys` and `endcap audit`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from endcap.cli.app import run
from endcap.cli.output import written_down
from endcap.config import Shop


def asked(capsys: pytest.CaptureFixture[str], shop: Path, *words: str) -> Any:
    assert run([*words, "--shop", str(shop), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_from_creation_to_the_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = asked(capsys, tmp_path, "keys", "create", "--scope", "admin", "--note", "我")["key"]
    id_ = made.split("_")[1]
    new = asked(capsys, tmp_path, "keys", "rotate", id_, "--hours", "1")
    assert new["in_place_of"] == id_
    listed = asked(capsys, tmp_path, "keys", "list")["keys"]
    assert [key["id"] for key in listed] == [id_, new["key"].split("_")[1]]
    assert [key["note"] for key in listed] == ["我", "我"]
    assert listed[0]["ends_at"] > listed[0]["created_at"]
    assert listed[1]["ends_at"] is None
    assert made not in json.dumps(listed)
    assert asked(capsys, tmp_path, "keys", "revoke", listed[1]["id"]) == {
        "revoked": listed[1]["id"]
    }
    acts = asked(capsys, tmp_path, "audit")["acts"]
    actions = [act["action"] for act in acts]
    assert actions == ["keys revoke", "keys rotate", "keys create", "keys create"]
    assert all(act["by"] for act in acts)


def test_where_there_is_nothing_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["keys", "list", "--shop", str(tmp_path)]) == 0
    assert "There are no keys yet" in capsys.readouterr().out
    assert run(["audit", "--shop", str(tmp_path)]) == 0
    assert "Nothing has been done yet" in capsys.readouterr().out


def test_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = ["--shop", str(tmp_path)]
    assert run(["keys", "create", "--scope", "collect", "--note", "[pages]", *shop]) == 0
    assert "it is not shown again" in capsys.readouterr().out
    assert run(["keys", "list", *shop]) == 0
    assert "collect" in capsys.readouterr().out
    assert run(["audit", *shop]) == 0
    assert "keys create" in capsys.readouterr().out


def test_what_was_done_is_done_though_it_can_not_be_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = Shop.open(tmp_path)
    written_down(shop, "promote", "a release")
    assert asked(capsys, tmp_path, "audit")["acts"][0]["what"] == "a release"
    (tmp_path / "live.sqlite").write_text("no database at all")
    written_down(shop, "promote", "a release")
    assert "Done, but it can't be noted in" in capsys.readouterr().err


def test_a_database_that_is_away_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENDCAP_DATABASE_URL", "postgresql://me:secret@127.0.0.1:1/shop")
    assert run(["keys", "list", "--shop", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert "The store can't be used: connection failed" in error
    assert "secret" not in error
    monkeypatch.setenv("ENDCAP_DATABASE_URL", "oracle://me@127.0.0.1/shop")
    assert run(["keys", "list", "--shop", str(tmp_path)]) == 1
    assert "The store can't be kept in 'oracle'" in capsys.readouterr().err


def test_what_there_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "revoke", "nope", "--shop", str(tmp_path)]) == 1
    assert "There is no key 'nope'. There is none yet." in capsys.readouterr().err
    assert run(["keys", "create", "--scope", "root", "--shop", str(tmp_path)]) == 2
    assert run(["keys", "create", "--shop", str(tmp_path)]) == 2
