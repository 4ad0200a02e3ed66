"""The commands from `fit` on, as scripts and people meet them."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from endcap.cli.answer import LINES, _show
from endcap.cli.app import run
from endcap.experiment.fit import fit
from endcap.experiment.gate import promote_if_better
from tests.experiment.learnable import USERS, learnable


class Desk:
    """A shop folder, and someone who types commands."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys

    def run(self, *arguments: str | Path) -> tuple[int, str, str]:
        code = run([*map(str, arguments), "--shop", str(self.folder)])
        said = self.capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    def json(self, *arguments: str | Path) -> dict[str, Any]:
        """The one document on standard output."""
        code, out, err = self.run(*arguments, "--json")
        assert code == 0, err
        return dict(json.loads(out))

    def says(self, *arguments: str | Path) -> str:
        """What people read, on one line whatever the width of the terminal."""
        code, out, err = self.run(*arguments)
        assert code == 0, err
        return " ".join(out.split())

    def refuses(self, *arguments: str | Path) -> str:
        """The one clear message."""
        code, out, err = self.run(*arguments)
        assert (code, out) == (1, "")
        assert err.startswith("Error: ")
        return err

    def misuses(self, *arguments: str | Path) -> str:
        code, out, err = self.run(*arguments)
        assert (code, out) == (2, "")
        return err

    @property
    def live(self) -> str:
        return (self.folder / "releases" / "live").read_text()


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shop = learnable(tmp_path_factory.mktemp("fitted"))
    promote_if_better(shop, fit(shop)["release"])
    return shop.folder


@pytest.fixture
def desk(fitted: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """At the fitted shop; it is not to be changed."""
    return Desk(fitted, capsys)


@pytest.fixture
def own(fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """At a copy of the fitted shop."""
    shutil.copytree(fitted, tmp_path / "shop")
    return Desk(tmp_path / "shop", capsys)


@pytest.fixture
def bare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """At a folder with nothing in it."""
    return Desk(tmp_path, capsys)


def test_fit(own: Desk) -> None:
    first = own.live
    found = own.json("fit", "--set", "seed=2", "--no-refit", "--fresh")
    parts = {"release", "metrics", "joins", "event_weights", "refit", "seconds", "protocol"}
    assert set(found) == parts | {"live", "why"}
    assert found["event_weights"]["purchase"]["weight"] == 1
    assert found["refit"] is False
    assert found["release"] != first
    assert set(found["metrics"]["ndcg@10"]) == {"value", "low", "high"}
    if found["live"]:
        assert own.live == found["release"]
    again = own.says("fit", "--set", "seed=2", "--no-refit")
    assert f"Release {found['release']}" in again
    assert "ndcg@10" in again


def test_fit_with_another_file(own: Desk) -> None:
    file = own.folder / "other.toml"
    file.write_text((own.folder / "endcap.toml").read_text() + '\n[join]\ndepth = "many"\n')
    assert "other.toml: join.depth = 'many'" in own.refuses("fit", "--config", file)
    assert "There is no" in own.refuses("fit", "--config", own.folder / "none.toml")


def test_evaluate(desk: Desk) -> None:
    found = desk.json("evaluate")
    assert {"release", "protocol", "queries", "metrics", "baselines"} <= set(found)
    assert found["release"] == desk.live
    assert set(found["baselines"]) == {"popular", "neighbours"}
    assert set(found["metrics"]["ndcg@10"]) == {"value", "low", "high"}
    assert found["metrics"].keys() == found["baselines"]["popular"].keys()
    assert {name.split("@")[1] for name in found["metrics"]} == {"5", "10", "20"}
    text = desk.says("evaluate", "--slices")
    assert "all 30 items ranked" in text
    assert "ndcg@10 by slice" in text


def test_evaluate_at_other_lengths(desk: Desk) -> None:
    found = desk.json("evaluate", "--cutoffs", "3,15", "--include-seen", "--release", desk.live)
    assert {name.split("@")[1] for name in found["metrics"]} == {"3", "10", "15"}
    assert "'abc' is not a list of whole numbers" in desk.misuses("evaluate", "--cutoffs", "abc")
    assert "--cutoffs" in desk.misuses("evaluate", "--cutoffs", "0")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_evaluate_writes_the_lists(desk: Desk, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"lists.{ending}"
    found = desk.json("evaluate", "--rankings", file)
    names, rows = table(file)
    assert names == ["user_id", "rank", "item_id", "score"]
    assert len(rows) >= found["queries"] * 10
    assert ".csv" in desk.refuses("evaluate", "--rankings", tmp_path / "lists.txt")


def table(file: Path) -> tuple[list[str], list[dict[str, Any]]]:
    """The columns and rows of a file that a command wrote."""
    if file.suffix == ".parquet":
        found = pq.read_table(file)
        return list(found.column_names), list(found.to_pylist())
    with file.open(newline="", encoding="utf-8") as lines:
        reader = csv.DictReader(lines)
        return list(reader.fieldnames or ()), list(reader)


def test_compare(desk: Desk) -> None:
    name = desk.live
    found = desk.json("compare", name, name)
    assert (found["a"], found["b"]) == (name, name)
    gap = found["metrics"]["ndcg@10"]
    assert set(gap) == {"value", "low", "high", "p", "queries"}
    assert (gap["value"], gap["p"]) == (0, 1)
    assert "+0.0000 [+0.0000, +0.0000]" in desk.says("compare", name, name)
    assert "no release 'none'" in desk.refuses("compare", name, "none")


def test_releases_promote_and_rollback(own: Desk) -> None:
    first = own.live
    worse = own.json("fit", "--no-refit", "--set", 'placements.home.retrievers=["popular"]')
    assert worse["live"] is False
    assert "neighbours" in worse["why"]
    rows = own.json("releases")["releases"]
    assert [(row["release"], row["live"]) for row in rows] == [
        (first, True),
        (worse["release"], False),
    ]
    assert {"metrics", "protocol", "refit", "seconds", "data", "version"} <= set(rows[0])
    assert "files" not in rows[0]
    assert f"live {first}" in own.says("releases")
    assert "Add --force to insist" in own.refuses("promote", worse["release"])
    assert own.live == first
    assert own.json("promote", worse["release"], "--force") == {"live": worse["release"]}
    assert own.live == worse["release"]
    assert own.says("rollback") == f"Release {first} is live."
    assert "no earlier live release" in own.refuses("rollback")
    assert own.json("promote", first) == {"live": first}
    assert "no release 'none'" in own.refuses("promote", "none")


def test_recommend_to_one(desk: Desk) -> None:
    found = desk.json("recommend", "--user", "u03", "-n", "4")
    assert (found["rows"], found["file"]) == (4, None)
    for rank, row in enumerate(found["lists"], 1):
        assert set(row) == {"user_id", "rank", "item_id", "score", "title"}
        assert (row["user_id"], row["rank"]) == ("u03", rank)
    text = desk.says("recommend", "--user", "u03", "-n", "4")
    assert all(row["title"] in text and row["item_id"] in text for row in found["lists"])


def test_who_is_not_in_the_log_is_named(desk: Desk, tmp_path: Path) -> None:
    code, out, err = desk.run("recommend", "--user", "nobody", "--include-seen", "--json")
    assert (code, len(json.loads(out)["lists"])) == (0, 10)
    assert "Not in the log, and so shown what strangers are: nobody\n" in err
    chosen = tmp_path / "users.txt"
    chosen.write_text("u04\n" + "".join(f"no-{n}\n" for n in range(7)), encoding="utf-8")
    _, _, err = desk.run("recommend", "--users", chosen)
    assert "strangers are: no-0, no-1, no-2, no-3, no-4 and 2 more" in err
    assert "strangers" not in desk.run("recommend", "--user", "u03")[2]


def test_a_title_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    row = {"user_id": "[b]", "rank": 1, "item_id": "A[/]7", "score": 1.0, "title": "Tea [sale] [/]"}
    _show({"file": None, "rows": 1, "lists": [row] * (LINES + 1)}, Console())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "[b]    1  Tea [sale] [/]  A[/]7"
    assert lines[LINES:] == ["… and 1 rows more; --out FILE writes all of them"]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_recommend_to_many(desk: Desk, tmp_path: Path, ending: str) -> None:
    file = tmp_path / "new" / f"lists.{ending}"
    found = desk.json("recommend", "--all-users", "-n", "3", "--out", file)
    assert found == {"rows": 3 * USERS, "file": str(file), "lists": []}
    names, rows = table(file)
    assert names == ["user_id", "rank", "item_id", "score"]
    assert [int(row["rank"]) for row in rows] == [1, 2, 3] * USERS
    assert rows[0]["item_id"].startswith("商品-")
    chosen = tmp_path / "users.txt"
    chosen.write_text("u04\n\n u02 \n", encoding="utf-8")
    some = desk.json("recommend", "--users", chosen, "-n", "3")["lists"]
    assert [row["user_id"] for row in some] == ["u04"] * 3 + ["u02"] * 3
    all_ = {(row["user_id"], int(row["rank"])): row["item_id"] for row in rows}
    assert all(all_[row["user_id"], row["rank"]] == row["item_id"] for row in some)
    assert f"Wrote {3 * USERS} rows to" in desk.says(
        "recommend", "--all-users", "-n", "3", "--out", file
    )


def test_recommend_is_told_to_whom(desk: Desk, tmp_path: Path) -> None:
    for wrong in ([], ["--user", "u01", "--all-users"]):
        assert "exactly one of --user, --users and --all-users" in " ".join(
            desk.misuses("recommend", *wrong).replace("│", " ").split()
        )
    assert desk.misuses("recommend", "--user", "u01", "-n", "0")
    assert "cannot be read" in desk.refuses("recommend", "--users", tmp_path / "none")
    assert ".parquet" in desk.refuses("recommend", "--user", "u01", "--out", tmp_path / "a.json")


def test_similar(desk: Desk) -> None:
    found = desk.json("similar", "--item", "商品-04", "-n", "3")
    assert [row["rank"] for row in found["lists"]] == [1, 2, 3]
    assert set(found["lists"][0]) == {"rank", "item_id", "score", "title"}
    assert found["lists"][0]["item_id"] in desk.says("similar", "--item", "商品-04", "-n", "3")
    assert "no item 'gone'" in desk.refuses("similar", "--item", "gone")


@pytest.mark.parametrize(
    "command",
    [
        ("recommend", "--user", "u01"),
        ("similar", "--item", "i"),
        ("evaluate",),
        ("evaluate", "--cutoffs", "5"),
    ],
)
def test_without_a_release(bare: Desk, command: tuple[str, ...]) -> None:
    assert bare.refuses(*command) == "Error: No release is live. Run `endcap fit` first.\n"


def test_in_an_empty_folder(bare: Desk) -> None:
    assert bare.json("releases") == {"releases": []}
    assert "no releases yet" in bare.says("releases")
    assert "Run `endcap prepare` first" in bare.refuses("fit")
    assert "none yet" in bare.refuses("promote", "none")
    assert "no earlier live release" in bare.refuses("rollback")
    assert not list(bare.folder.iterdir())


@pytest.mark.parametrize(
    "command",
    [
        ("recommend", "--user", "u01", "--release", "none"),
        ("similar", "--item", "商品-04", "--release", "none"),
        ("evaluate", "--release", "none"),
        ("evaluate", "--release", "../releases"),
    ],
)
def test_an_unknown_release_is_told_with_the_known(desk: Desk, command: tuple[str, ...]) -> None:
    message = desk.refuses(*command)
    assert f"There is no release {command[-1]!r}" in message
    assert desk.live in message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "seeed=1",
            ["seeed = 1", "no such setting, but name, seed, clean", "perhaps seed is meant"],
        ),
        ("split.day=1", ["split.day", "protocol, holdout, ranker_days"]),
        ("placements.home.rul=1", ["placements.home.rul", "retrievers, weights, score_weights"]),
        ("placements.home.weights.neighbour=1", ["'neighbour'", "one of popular, neighbours"]),
        ("evaluate.tasks.a.scop=1", ["evaluate.tasks.a.scop", "placement, scope"]),
        ("retrievers.sequence.dimm=1", ["retrievers.sequence: dimm", "but dim, length"]),
        ("retrievers.sequence.network.head=1", ["network: head", "but layers, heads, dropout"]),
        ("retrievers.recent.days=1", ["retrievers.recent: days", "there is nothing to set"]),
        ("rankers.lambdamart.tree=1", ["rankers.lambdamart: tree", "but trees, leaves"]),
        ("split.protocol=never", ["split.protocol = 'never'", "'time' or 'leave-one-out'"]),
        ("retrievers.sequence.dim=-1", ["retrievers.sequence: dim = -1", "greater than 0"]),
        (
            "retrievers.sequence.network.heads=3",
            ["sequence.network: heads = 3 does not divide dim = 8"],
        ),
        ("retrievers.popular.use=nowhere:It", ["retrievers.popular.use", "cannot be imported"]),
        ("retrievers.popular.use=pathlib:Path", ["'pathlib:Path' is not a Retriever"]),
        (
            "retrievers.popular.use=endcap.stages:Retriever",
            ["'endcap.stages:Retriever' is abstract"],
        ),
        ("seed", ["--set 'seed' is not a change", "KEY.PATH=VALUE"]),
        ("seed.x.y=1", ["seed = {'x': {'y': 1}}", "valid integer"]),
    ],
)
def test_a_wrong_setting_is_told_with_what_is_allowed(
    own: Desk, change: str, words: list[str]
) -> None:
    message = own.refuses("fit", "--set", change)
    assert all(word in message for word in words), message
    assert len(own.json("releases")["releases"]) == 1


def test_the_shop_is_found_by_the_environment(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ENDCAP_SHOP", str(desk.folder))
    assert run(["releases"]) == 0
    assert desk.live in capsys.readouterr().out
