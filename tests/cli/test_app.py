"""The frame of the command line: quick to start, one clear message, the right exit code."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import typer

from endcap.cli import app
from endcap.cli.template import text
from endcap.config import Config, Shop, parse
from endcap.errors import EndcapError

HEAVY = (
    "torch",
    "lightgbm",
    "ibis",
    "duckdb",
    "fastapi",
    "pyarrow",
    "numpy",
    "sqlalchemy",
    "optuna",
)


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["--version"]) == 0
    assert capsys.readouterr().out == f"{metadata.version('endcap')}\n"


def test_help_is_quick_because_it_imports_nothing_heavy() -> None:
    program = (
        "import sys; from endcap.cli.app import run; run(['--help']); "
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "import" in done.stdout
    assert done.stderr == "[]\n"


def test_help_names_groups_of_settings_as_they_are_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert app.run(["--help"]) == 0
    assert "[schedule]" in capsys.readouterr().out


def test_help_follows_the_way_of_a_shop(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["--help"]) == 0
    text = capsys.readouterr().out
    way = ("init", "import", "prepare", "fit", "evaluate", "recommend", "serve")
    places = [text.index(f"\n│ {command} ") for command in way]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "command",
    ["prepare", "fit", "evaluate", "releases", "recommend --user u", "forget --user u", "audit"],
)
def test_a_shop_that_is_not_there_is_none(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty one would be made, and who is asked to forget someone would say that it has."""
    assert app.run([*command.split(), "--shop", str(tmp_path / "shpo")]) == 1
    assert "There is no shop folder" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_an_import_into_a_new_folder_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "events.csv"
    file.write_text("user_id,item_id,timestamp\na,b,2020-01-01\n", encoding="utf-8")
    assert app.run(["import", "--shop", str(tmp_path / "new"), str(file)]) == 0
    assert f"{tmp_path / 'new'} is a new shop folder." in capsys.readouterr().err


def failing(error: BaseException) -> typer.Typer:
    """A program whose one command fails."""
    program = typer.Typer(pretty_exceptions_enable=False)

    @program.command()
    def fail() -> None:
        raise error

    return program


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (EndcapError("It came", expected="it not to"), 1, "Error: It came. Expected it not to.\n"),
        (OSError(28, "No space left on device", "/shop"), 1, "Error: /shop: No space left"),
        (
            UnicodeEncodeError("latin-1", "red 鞋", 4, 5, "ordinal not in range"),
            1,
            "Error: '鞋' can't be written as latin-1. Set PYTHONUTF8=1",
        ),
        (KeyboardInterrupt(), 130, "Interrupted; run the same command again to go on.\n"),
        (RuntimeError("Query interrupted"), 130, "Interrupted; run the same command"),
    ],
)
def test_errors_become_one_message(
    error: BaseException,
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(app, "build", lambda: failing(error))
    assert app.run([]) == code
    said = capsys.readouterr()
    assert said.err.startswith(message)
    assert said.out == ""


def test_a_defect_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "build", lambda: failing(ZeroDivisionError("ours")))
    with pytest.raises(ZeroDivisionError):
        app.run([])


@pytest.mark.parametrize("arguments", [[], ["teleport"], ["import"], ["init", "--colour"]])
def test_wrong_usage_is_two(arguments: list[str]) -> None:
    assert app.run(arguments) == 2


def test_init_calls_the_shop_by_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / 'tea "and" 茶'
    assert app.run(["init", "--shop", str(folder)]) == 0
    assert Shop.open(folder).config == Config(name='tea "and" 茶')


def test_init_writes_every_setting_and_never_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.run(["init", "--shop", str(tmp_path / "shop")]) == 0
    before = (tmp_path / "shop" / "endcap.toml").read_text()
    assert app.run(["init", "--shop", str(tmp_path / "shop")]) == 1
    assert "is there already" in capsys.readouterr().err
    assert (tmp_path / "shop" / "endcap.toml").read_text() == before
    assert Shop.open(tmp_path / "shop").config == Config()


def test_a_shop_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shop").write_text("")
    assert app.run(["init", "--shop", str(tmp_path / "shop")]) == 1
    assert capsys.readouterr().err == f"Error: {tmp_path / 'shop'} is a file. Expected a folder.\n"


def test_a_file_that_cannot_be_written_is_told_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shop is empty, so any work would have failed for that."""
    shop = ["--shop", str(tmp_path)]
    (tmp_path / "folder.csv").mkdir()
    for command in (["recommend", "--all-users", "--out"], ["evaluate", "--rankings"]):
        assert app.run([*command, str(tmp_path / "lists.xlsx"), *shop]) == 1
        assert "ends in '.xlsx'. Expected .parquet or .csv" in capsys.readouterr().err
        assert app.run([*command, str(tmp_path / "folder.csv"), *shop]) == 1
        assert "folder.csv is a folder. Expected a file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["import", "x.csv", "--set", "date"],
        ["shadow", "r1", "--off"],
        ["forget", "--user", ""],
        ["recommend", "--user", " "],
        ["similar", "--item", ""],
        ["explain", "--user", "u", "--item", ""],
    ],
)
def test_options_that_make_no_sense_are_wrong_usage(arguments: list[str], tmp_path: Path) -> None:
    assert app.run([*arguments, "--shop", str(tmp_path)]) == 2


def test_the_template_without_its_comment_signs_is_the_default() -> None:
    lines = [
        line.removeprefix("# ")
        for line in text().splitlines()
        if not line.startswith("# ──") and (" = " in line or line.endswith("]"))
    ]
    assert tomllib.loads("\n".join(lines))
    assert parse("\n".join(lines)) == Config()


def test_the_shop_comes_from_the_option_the_environment_or_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(os.environ, "ENDCAP_SHOP", str(tmp_path / "named"))
    assert app.run(["init"]) == 0
    assert (tmp_path / "named" / "endcap.toml").is_file()
    monkeypatch.delenv("ENDCAP_SHOP")
    assert app.run(["init"]) == 0
    assert (tmp_path / "endcap.toml").is_file()
