"""`endcap tune`, as scripts and people meet it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_learn import Desk
from tests.experiment.learnable import learnable


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return learnable(tmp_path_factory.mktemp("shop")).folder


@pytest.fixture
def desk(folder: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """At a prepared shop."""
    return Desk(folder, capsys)


def test_tune_then_fit_what_it_found(desk: Desk) -> None:
    found = desk.json("tune", "--trials", "3", "--only", "join", "--only", "retrievers.neighbours")
    assert set(found) == {
        "metric",
        "trials",
        "given_up",
        "present",
        "best",
        "gain",
        "changes",
        "config",
        "report",
        "stopped",
    }
    assert (found["metric"], found["trials"], found["stopped"]) == ("ndcg@10", 3, "trials")
    assert set(found["gain"]) == {"value", "low", "high", "p", "queries"}
    assert Path(found["report"]).is_file()
    text = desk.says("tune", "--trials", "3", "--only", "join")
    assert "3 trials; stopped by trials" in text
    assert all(key in text for key in found["changes"])
    assert desk.json("fit", "--config", found["config"], "--no-refit")["metrics"]["ndcg@10"]


def test_wrong_usage(desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--trials" in desk.misuses("tune", "--trials", "0")
    assert "--timeout" in desk.misuses("tune", "--timeout", "soon")
    message = desk.refuses("tune", "--only", "sequence")
    assert "'sequence' is nothing to search. Expected one of retrievers.popular, " in message
    assert "Run `endcap prepare` first" in Desk(tmp_path, capsys).refuses("tune")
