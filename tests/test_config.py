"""Settings are checked, and what is wrong is said with its key and value."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from endcap.class_paths import check
from endcap.config import FILE, Config, Shop, explain, load, parse
from endcap.errors import ConfigError
from endcap.rules.pins import Settings


def message(text: str = "", *changes: str) -> str:
    with pytest.raises(ConfigError) as error:
        parse(text, changes)
    return str(error.value)


def test_an_empty_file_is_a_complete_system() -> None:
    assert parse("") == Config()


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("[split]\ntest_dayz = 3", "split.test_dayz", "3"),
        ("[split]\ntest_days = -2", "split.test_days", "-2"),
        ("[split]\ntest_days = 'many'", "split.test_days", "'many'"),
        ("[split]\nprotocol = 'random'", "split.protocol", "'random'"),
        ("[clean]\nfuture = inf", "clean.future", "inf"),
        ("[split]\nvalidation_days = inf", "split.validation_days", "inf"),
        ("[clean]\nearliest = 'yesterday'", "clean.earliest", "'yesterday'"),
        ("seed = -1", "seed", "-1"),
        ("sead = 1", "sead", "1"),
        ("[retrievers.mine]\ndim = 3", "retrievers.mine.use", "dim"),
        ("[placements.home]\nrulez = []", "placements.home.rulez", "[]"),
        ("[evaluate]\ntasks = {}", "evaluate.tasks", "{}"),
        ("[evaluate]\ncutoffs = [5, 0]", "evaluate.cutoffs.1", "0"),
        ("[events]\nweights = {view = -1}", "events.weights.view", "-1"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(text: str, key: str, value: str) -> None:
    found = message(text)
    assert f"{FILE}: {key} = " in found
    assert value in found


@pytest.mark.parametrize("name", ["a:b", "a/b", "a b", ".."])
def test_a_stage_has_a_name_that_a_folder_and_a_column_may_have(name: str) -> None:
    found = message(f"[retrievers.'{name}']\nuse = 'endcap.retrievers.popular:Popular'")
    assert f"{FILE}: retrievers.{name} = {name!r}: " in found
    assert "expected letters, digits, _ and -" in found
    assert (
        "热门" in parse("[retrievers.'热门']\nuse = 'endcap.retrievers.popular:Popular'").retrievers
    )


def test_a_name_of_a_default_stage_that_is_typed_wrong() -> None:
    found = message("[retrievers.sequnce]\ndim = 3")
    assert found == f"{FILE}: [retrievers.sequnce] has no `use`. Perhaps sequence is meant."
    assert "homes" in parse("[placements.homes]\nrank = false").placements


@pytest.mark.parametrize("use", [".mine:Mine", "mine_with_a_fault:Mine", ":Mine", "json"])
def test_a_class_that_cannot_be_imported(
    use: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine_with_a_fault.py").write_text("class Mine(:\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=f"retrievers.mine.use = '{use}' cannot be imported"):
        check(parse("", [f"retrievers.mine.use='{use}'"]))


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        ("neighbours", {"popular": ("popular",)}),
        ("popular", {"neighbours": ("neighbours",)}),
        ("recent", Config().evaluate.baselines),
    ],
)
def test_a_baseline_goes_with_what_it_stands_for(
    gone: str, left: dict[str, tuple[str, ...]]
) -> None:
    config = parse("[evaluate]\nsamples = 50", [f"retrievers.{gone}.use=''"])
    assert config.evaluate.baselines == left
    assert config.evaluate.samples == 50


def test_baselines_of_ones_own_must_be_right_as_they_are() -> None:
    own = "[evaluate.baselines]\nmine = ['neighbours']"
    found = message(own, "retrievers.neighbours.use=''")
    assert "evaluate.baselines.mine names 'neighbours'" in found


def test_a_weight_of_what_is_no_event_type_in_use() -> None:
    found = message("[events]\nuse = ['view', 'purchase']\nweights = {veiw = 1}")
    assert "events.weights names 'veiw'" in found
    assert "one of view, purchase" in found


def test_a_task_at_the_start_of_a_session_is_one_in_time() -> None:
    task = "[evaluate.tasks.early]\nmoment = 'session'\n"
    assert parse(task).evaluate.tasks["early"].moment == "session"
    found = message(task + "[split]\nprotocol = 'leave-one-out'")
    assert "evaluate.tasks.early.moment = 'session'" in found
    assert "split.protocol = 'leave-one-out'" in found


def test_every_wrong_setting_has_a_line_of_its_own() -> None:
    found = message("[split]\ntest_days = 0\nholdout = 5\nx = 1").splitlines()
    assert [line.split(" = ")[0] for line in found] == [
        f"{FILE}: split.{key}" for key in ("holdout", "test_days", "x")
    ]
    assert "greater than 0" in found[1]


def test_a_long_value_does_not_drown_what_is_wrong_with_it() -> None:
    found = message(f"sead = [{'1, ' * 50_000}]")
    assert len(found) < 600
    assert found.endswith("perhaps seed is meant.")


def test_the_allowed_values_are_told() -> None:
    assert "'time' or 'leave-one-out'" in message("[split]\nprotocol = 'random'")


def test_what_is_no_toml_says_where() -> None:
    found = message("[split\ntest_days = 3")
    assert FILE in found
    assert "line 1" in found


def test_a_group_that_is_a_value() -> None:
    assert "[rules] is 3" in message("rules = 3")


def test_changes_go_over_the_file() -> None:
    text = "[split]\ntest_days = 3\nprotocol = 'leave-one-out'"
    config = parse(text, ["split.test_days=5", "name=茶店", "evaluate.cutoffs=[1, 10]"])
    assert config.split.test_days == 5
    assert config.split.protocol == "leave-one-out"
    assert config.name == "茶店"
    assert config.evaluate.cutoffs == (1, 10)


def test_changes_reach_settings_of_stages() -> None:
    config = parse("", ["retrievers.sequence.dim=32", "retrievers.sequence.network.layers=1"])
    assert config.retrievers["sequence"].own == {"dim": 32, "network": {"layers": 1}}
    assert config.retrievers["sequence"].use == "endcap.retrievers.sequence:Sequence"


@pytest.mark.parametrize("change", ["split.test_days", "=3", " = 3"])
def test_a_change_without_key_or_value(change: str) -> None:
    found = message("", change)
    assert repr(change) in found
    assert "KEY.PATH=VALUE" in found


def test_a_change_below_a_value() -> None:
    assert "seed is a value" in message("seed = 1", "seed.x=3")


def test_a_change_is_checked_like_the_file() -> None:
    assert "split.test_days = -1" in message("", "split.test_days=-1")


def test_stages_of_ones_own_stand_beside_the_default_ones() -> None:
    config = parse('[retrievers.mine]\nuse = "my_shop.models:Mine"\nspeed = 3')
    assert set(config.retrievers) == {*Config().retrievers, "mine"}
    assert config.retrievers["mine"].own == {"speed": 3}


def test_a_part_of_a_placement_is_enough() -> None:
    home = parse('[placements.home]\nrules = ["availability"]').placements["home"]
    assert home.rules == ("availability",)
    assert home.fill == Config().placements["home"].fill


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Config().seed = 3  # type: ignore[misc]


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.write_text('name = "Bücher"\n[join]\ndepth = 7\n', encoding="utf-8")
    assert load(path).name == "Bücher"
    assert load(path, ["join.depth=9"]).join.depth == 9


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="endcap init"):
        load(tmp_path / FILE)


def test_a_shop_without_settings_has_the_default_ones(tmp_path: Path) -> None:
    shop = Shop.open(tmp_path)
    assert shop.config == Config()
    (tmp_path / FILE).write_text("seed = 9")
    assert Shop.open(tmp_path).config.seed == 9
    assert Shop.open(tmp_path, ["seed=10"]).config.seed == 10


def test_a_file_in_another_encoding_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes('name = "商店"'.encode("gbk"))
    with pytest.raises(ConfigError, match="UTF-8"):
        Shop.open(tmp_path)


def test_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=str(tmp_path)):
        load(tmp_path)


def test_a_key_that_does_not_belong_into_a_list_is_told() -> None:
    with pytest.raises(ValidationError) as error:
        Settings.model_validate({"pins": [{"place": 1, "item": "a", "plaze": 2}]})
    said = explain(error.value, "rules.pins", Settings)
    assert said.startswith(
        "rules.pins: pins.0.plaze = 2: there is no such setting, but place, item"
    )


def test_what_counts_as_taken_are_event_types() -> None:
    changes = ["rules.already_taken.kinds=['bought']"]
    with pytest.raises(ConfigError, match="'bought' is not one of impression, click"):
        check(parse("", changes))


def test_a_table_that_stands_twice_is_found() -> None:
    """A snippet of the docs, put below what `endcap init` wrote."""
    with pytest.raises(ConfigError) as caught:
        parse("[clean]  # first\nfuture = 2.0\n\n[[pins]]\n[serve]\n\n[ clean ]\nfuture = 3.0\n")
    assert "is not valid TOML: Cannot declare ('clean',) twice" in str(caught.value)
    assert "Put what stands below [clean] in line 7 to the [clean] in line 1." in str(caught.value)


def test_other_mistakes_of_toml_are_left_as_they_are() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("[clean]\nfuture = \n[clean]\n")
    assert "Put what" not in str(caught.value)
