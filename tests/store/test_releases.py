"""Releases appear whole or not at all, and what is damaged is not served."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from endcap.errors import ReleaseError
from endcap.store.releases import Releases


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    return Releases(tmp_path / "releases")


def fill(text: str = "weights") -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "model").mkdir()
        (folder / "model" / "state.safetensors").write_text(text)

    return write


def written(releases: Releases, *names: str) -> None:
    for name in names:
        releases.write(name, {"metrics": {"ndcg@10": 0.5}}, fill(name))


def test_before_the_first_fit(releases: Releases) -> None:
    assert releases.names() == []
    assert releases.live() is None
    with pytest.raises(ReleaseError, match="endcap fit"):
        releases.path()
    with pytest.raises(ReleaseError, match="no earlier"):
        releases.rollback()


def test_what_is_written_can_be_read(releases: Releases) -> None:
    written(releases, "b", "a")
    assert releases.names() == ["a", "b"]
    manifest = releases.manifest("a")
    assert manifest["release"] == "a"
    assert manifest["metrics"] == {"ndcg@10": 0.5}
    assert set(manifest["files"]) == {"model/state.safetensors"}
    assert (releases.path("a") / "model" / "state.safetensors").read_text() == "a"


def test_an_interrupted_write_leaves_nothing_to_see(releases: Releases) -> None:
    def half(folder: Path) -> None:
        fill()(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        releases.write("a", {}, half)
    assert not [*releases.folder.iterdir()]
    written(releases, "a")
    assert releases.names() == ["a"]
    releases.verify("a")
    assert [path.name for path in releases.folder.iterdir()] == ["a"]


def test_a_release_is_not_written_over(releases: Releases) -> None:
    written(releases, "a")
    with pytest.raises(OSError, match="not empty"):
        releases.write("a", {}, fill("other"))
    releases.verify("a")


def test_an_unknown_release_is_named_beside_those_there_are(releases: Releases) -> None:
    written(releases, "a", "b")
    with pytest.raises(ReleaseError, match=r"'c'.*one of a, b\.$"):
        releases.path("c")
    with pytest.raises(ReleaseError, match="'c'"):
        releases.promote("c")
    assert releases.live() is None


@pytest.mark.parametrize("damage", ["changed", "gone", "added"])
def test_damage_is_found_and_named(releases: Releases, damage: str) -> None:
    written(releases, "a")
    model = releases.path("a") / "model"
    if damage == "changed":
        (model / "state.safetensors").write_text("weighty")
    elif damage == "gone":
        (model / "state.safetensors").unlink()
    else:
        (model / "more").write_text("")
    file = "more" if damage == "added" else "state.safetensors"
    with pytest.raises(ReleaseError, match=f"a is damaged: model/{file}"):
        releases.promote("a")
    assert releases.live() is None


def test_promote_and_go_back(releases: Releases) -> None:
    written(releases, "a", "b", "c")
    for name in ("a", "b", "c"):
        releases.promote(name)
        assert releases.live() == name
    assert releases.path().name == "c"
    assert [releases.rollback(), releases.live()] == ["b", "b"]
    assert [releases.rollback(), releases.live()] == ["a", "a"]
    with pytest.raises(ReleaseError, match="no earlier"):
        releases.rollback()
    assert releases.live() == "a"


def test_promoting_twice_makes_no_step_of_its_own(releases: Releases) -> None:
    written(releases, "a", "b")
    for name in ("a", "b", "b"):
        releases.promote(name)
    assert releases.rollback() == "a"


def test_an_interrupted_step_does_not_lead_astray(releases: Releases) -> None:
    """The history is a step ahead of the pointer, as after a kill in between."""
    written(releases, "a", "b", "c")
    releases.promote("a")
    releases.promote("b")
    with (releases.folder / "history").open("a") as history:
        history.write("c\n")
    assert releases.live() == "b"
    assert releases.rollback() == "a"


def test_nobody_goes_back_to_what_is_damaged(releases: Releases) -> None:
    written(releases, "a", "b")
    releases.promote("a")
    releases.promote("b")
    (releases.path("a") / "model" / "state.safetensors").write_text("broken")
    with pytest.raises(ReleaseError, match="damaged"):
        releases.rollback()
    assert releases.live() == "b"


def test_a_manifest_keeps_its_letters(releases: Releases) -> None:
    releases.write("a", {"name": "茶店"}, fill())
    assert releases.manifest("a")["name"] == "茶店"


def test_a_manifest_that_cannot_be_read_is_a_damaged_release(releases: Releases) -> None:
    written(releases, "a")
    (releases.path("a") / "release.json").write_text("{")
    with pytest.raises(ReleaseError, match="a"):
        releases.manifest("a")
