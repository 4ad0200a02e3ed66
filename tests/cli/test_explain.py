"""`endcap explain`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from endcap.cli.app import run
from tests.serve.shops import prepared_shop, release


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shop = prepared_shop(tmp_path_factory.mktemp("explained"))
    release(shop, "first")
    return shop.folder


def test_why(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["explain", "--user", "user-03", "--shop", str(folder)]
    assert run([*asked, "--item", "item-05", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["item_id"] == "item-05"
    assert found["shown"] == (found["place"] is not None)
    assert found["steps"][0]["step"] == "models"
    assert run([*asked, "--item", "item-05", "--placement", "trending"]) == 0
    text = capsys.readouterr().out
    assert "It is shown at place" in text
    assert "popular proposes it at place" in text


def test_what_there_is_not(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["explain", "--shop", str(folder), "--user", "user-03"]
    assert run([*asked, "--item", "nope"]) == 1
    assert "There is no item 'nope'" in capsys.readouterr().err
    assert run([*asked, "--item", "item-05", "--placement", "moon"]) == 1
    assert "There is no placement 'moon'" in capsys.readouterr().err


def test_who_is_not_in_the_log_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A user who was typed wrong would be explained what strangers are shown."""
    asked = ["explain", "--shop", str(folder), "--item", "item-05", "--user"]
    assert run([*asked, "user-O3"]) == 0
    assert "Not in the log, and so shown what strangers are: user-O3" in capsys.readouterr().err
    assert run([*asked, "user-03"]) == 0
    assert "Not in the log" not in capsys.readouterr().err
