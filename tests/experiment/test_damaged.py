"""A file that is cut or gone is one clear error, and never in the way of a new release."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from endcap.config import Shop
from endcap.errors import ReleaseError
from endcap.experiment.batch import recommend
from endcap.experiment.fit import fit
from endcap.experiment.gate import compare, evaluate_release, promote, promote_if_better
from endcap.store.releases import Releases

Copy = Callable[..., Shop]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("damage", [cut, Path.unlink])
@pytest.mark.parametrize(
    "file",
    [
        "config.json",
        "catalogue/items.parquet",
        "catalogue/features.parquet",
        "retrievers/popular/stage.json",
        "retrievers/popular/settings.json",
        "retrievers/popular/state.safetensors",
        "retrievers/sequence/state.safetensors",
        "rules/availability/state.safetensors",
    ],
)
def test_a_damaged_system(copy: Copy, file: str, damage: Callable[[Path], None]) -> None:
    shop = copy()
    live = Releases(shop.releases).path()
    damage(live / "live" / file)
    with pytest.raises(ReleaseError, match=str(live)):
        recommend(shop, ["u01"], 3)
    with pytest.raises(ReleaseError, match=f"Release {live.name} is damaged"):
        promote(shop, live.name)


@pytest.mark.parametrize("damage", [cut, Path.unlink])
@pytest.mark.parametrize("file", ["evaluation.json", "questions.parquet"])
def test_damaged_figures(copy: Copy, file: str, damage: Callable[[Path], None]) -> None:
    shop = copy("seed=3")
    live = Releases(shop.releases).path()
    damage(live / file)
    for ask in (
        lambda: evaluate_release(shop, None),
        lambda: compare(shop, live.name, live.name),
        lambda: promote(shop, live.name),
    ):
        with pytest.raises(ReleaseError, match="damaged"):
            ask()
    newer = fit(shop, refit=False)["release"]
    assert promote_if_better(shop, newer)["live"] is True


def test_a_stage_that_was_cut_in_an_interrupted_fit_is_made_anew(copy: Copy) -> None:
    shop = copy("seed=3")

    def interrupt(step: str, share: float) -> None:
        if step == "choosing weights":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(shop, report=interrupt)
    (path,) = shop.runs.glob("*/validation-sequence/state.safetensors")
    cut(path)
    manifest = fit(shop)
    other = copy("seed=3", "join.depth=201")  # more than there are items, as before
    assert manifest["metrics"] == fit(other)["metrics"]
