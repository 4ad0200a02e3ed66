"""What every encoder promises: see `Encoder` in `endcap.stages`."""

from __future__ import annotations

import importlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from endcap.class_paths import load_stage, save_stage
from endcap.content import weights
from endcap.content.weights import Weights
from endcap.errors import ConfigError
from endcap.stages import Encoder, Run
from endcap.tables.catalogue import Catalogue
from endcap.types import Encoded
from tests.contents import drawing, film, fitting, goods, png, tone, wav
from tests.contracts.found import ENCODERS, SMALL

TEXTS = {
    "plain": "Red wool scarf for cold days",
    "chinese": "红色羊毛围巾，冬季保暖新款",
    "long": "A very long story about a scarf. " * 3_200,
    "unspaced": "围巾" * 17_000,
    "mixed": "Ｆｕｌｌ e\u0301 caf\u00e9 Crème 🧣 围巾\u200b عربى\x00 \ufffd end",
    "other": "Desk lamp",
}
"""100 kB of text among them, with spaces and without."""

UNKNOWN = ("nothing", "empty", "broken")


def row(folder: Path, name: str, text: str, kind: int) -> dict[str, Any]:
    """An item that says, shows and plays something."""
    picture, sound = (
        drawing(("apple", "car")[kind % 2], kind),
        tone(("bell", "rain")[kind % 2], kind),
    )
    (folder / f"{name}.png").write_bytes(png(picture))
    (folder / f"{name}.wav").write_bytes(wav(sound))
    files = {"audio_url": f"{name}.wav"}
    try:
        (folder / f"{name}.mp4").write_bytes(film([picture] * 3, sound))
        files["video_url"] = f"{name}.mp4"
    except pytest.skip.Exception:
        pass  # the encoder of videos is skipped too
    return {
        "item_id": name,
        "title": text,
        "categories": ["Home > Lamps" if kind % 2 else "Wear > Scarves"],
        "brand": "Acme" if kind % 2 else "红",
        "price": 10.0 + kind,
        "image_url": f"{name}.png",
        "attributes": {**files, "grams": kind, "colours": ["red", "blue"][: 1 + kind % 2]},
    }


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Catalogue]:
    """A folder, and a catalogue of what is known and what is not."""
    folder = tmp_path_factory.mktemp("contents")
    rows = [row(folder, name, text, kind) for kind, (name, text) in enumerate(TEXTS.items())]
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n, and no more")
    broken = {"audio_url": "broken.png", "video_url": "broken.png"}
    rows.insert(2, {"item_id": "nothing"})
    rows.append(
        {"item_id": "empty", "title": " \n", "categories": [], "brand": "", "attributes": {}}
    )
    rows.append(
        {"item_id": "broken", "price": -1.0, "image_url": "broken.png", "attributes": broken}
    )
    return folder, goods(rows)


@pytest.fixture(scope="session", params=ENCODERS, ids=lambda cls: cls.__name__)
def encoder(request: pytest.FixtureRequest, shop: tuple[Path, Catalogue]) -> Encoder[Any]:
    """One that learned from the shop."""
    return fitted(request.param, shop, shop[1])


def fitted(
    cls: type[Encoder[Any]], shop: tuple[Path, Catalogue], learned: Catalogue
) -> Encoder[Any]:
    changes = {**SMALL.get(cls.__name__, {}), "folder": str(shop[0])}
    if cls.__name__ == "Attributes":
        # Paths of files are attributes too, which "broken" has.
        changes["fields"] = ("categories", "brand")
    return cls.fit(fitting(cls, **changes), learned, Run(seed=3))


@pytest.fixture(scope="session")
def encoded(encoder: Encoder[Any], shop: tuple[Path, Catalogue]) -> Encoded:
    return encoder.encode(shop[1])


def only(catalogue: Catalogue, *names: str) -> Catalogue:
    return Catalogue(catalogue.table.take(catalogue.codes(names)), catalogue.features)


def test_what_is_unknown_is_masked(encoded: Encoded, shop: tuple[Path, Catalogue]) -> None:
    """All that has content is known, however long, and in whatever script."""
    named = dict(zip(shop[1].ids, encoded.known.tolist(), strict=True))
    assert named == {name: name not in UNKNOWN for name in shop[1].ids}
    assert encoded.vectors.dtype == np.float32
    assert encoded.vectors.shape[0] == len(shop[1])
    assert np.isfinite(encoded.vectors).all()
    assert not encoded.vectors[~encoded.known].any()
    assert encoded.vectors[encoded.known].any(axis=1).all()


def test_one_alone_is_encoded_as_among_all(
    encoder: Encoder[Any], encoded: Encoded, shop: tuple[Path, Catalogue]
) -> None:
    for place, name in enumerate(shop[1].ids):
        alone = encoder.encode(only(shop[1], name))
        assert alone.known.tolist() == [encoded.known[place]]
        np.testing.assert_allclose(alone.vectors[0], encoded.vectors[place], atol=1e-5)


def test_the_order_of_the_items_changes_nothing(
    encoder: Encoder[Any], encoded: Encoded, shop: tuple[Path, Catalogue]
) -> None:
    turned = encoder.encode(only(shop[1], *reversed(shop[1].ids)))
    np.testing.assert_allclose(turned.vectors[::-1], encoded.vectors, atol=1e-5)


def test_a_second_fit_says_the_same(
    encoder: Encoder[Any], encoded: Encoded, shop: tuple[Path, Catalogue]
) -> None:
    again = fitted(type(encoder), shop, shop[1])
    assert set(again.state) == set(encoder.state)
    for name, array in again.state.items():
        np.testing.assert_array_equal(array, encoder.state[name], err_msg=name)
    np.testing.assert_array_equal(again.encode(shop[1]).vectors, encoded.vectors)


def test_what_is_loaded_encodes_as_what_was_saved(
    encoder: Encoder[Any], encoded: Encoded, shop: tuple[Path, Catalogue], tmp_path: Path
) -> None:
    save_stage(encoder, tmp_path)
    assert {path.suffix for path in tmp_path.rglob("*")} == {".json", ".safetensors"}
    loaded: Encoder[Any] = load_stage(Encoder, tmp_path)
    np.testing.assert_array_equal(loaded.encode(shop[1]).vectors, encoded.vectors)


@pytest.mark.parametrize("name", ["plain", "nothing"])
def test_a_catalogue_of_one_item_is_enough_to_learn_from(
    encoder: Encoder[Any], shop: tuple[Path, Catalogue], name: str
) -> None:
    one = only(shop[1], name)
    model = fitted(type(encoder), shop, one)
    assert model.encode(one).vectors.shape[0] == 1
    assert not model.encode(only(shop[1], "nothing")).known.any()


def test_no_items_are_no_error(encoder: Encoder[Any], shop: tuple[Path, Catalogue]) -> None:
    assert len(encoder.encode(only(shop[1]))) == 0


def test_what_is_kept_is_not_encoded_again(
    encoder: Encoder[Any], encoded: Encoded, shop: tuple[Path, Catalogue], tmp_path: Path
) -> None:
    """Only what is new is: whoever keeps anything calls `_embed` for it."""
    if not hasattr(encoder, "_embed"):
        pytest.skip("takes less time than to look it up")
    run, done = Run(cache=tmp_path), list[int]()
    other: Any = type(encoder)(encoder.settings, encoder.state)
    other._embed = partial(_counting, encoder, done)
    old = only(shop[1], "plain", "chinese", "nothing")
    np.testing.assert_allclose(
        other.encode(old, run).vectors, encoder.encode(old).vectors, atol=1e-5
    )
    assert sum(done) == 2
    other.encode(old, run)
    assert sum(done) == 2
    more = other.encode(only(shop[1], "plain", "other", "chinese", "nothing"), run)
    assert sum(done) == 3
    assert more.known.tolist() == [True, True, True, False]
    np.testing.assert_allclose(other.encode(shop[1], run).vectors, encoded.vectors, atol=1e-5)


def _counting(encoder: Any, done: list[int], contents: list[bytes]) -> Any:
    done.append(len(contents))
    return encoder._embed(contents)


def test_how_far_it_is_is_told(encoder: Encoder[Any], shop: tuple[Path, Catalogue]) -> None:
    told = list[float]()
    if hasattr(encoder, "_embed"):
        encoder.encode(shop[1], Run(report=lambda step, share: told.append(share)))
        assert told[-1] == pytest.approx(1.0)


def test_weights_that_are_not_what_was_meant_are_not_loaded(
    encoder: Encoder[Any], shop: tuple[Path, Catalogue], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module(type(encoder).__module__)
    if not any(isinstance(value, Weights) for value in vars(module).values()):
        pytest.skip("has no weights but its own")
    monkeypatch.setattr(weights, "_sha256", lambda path: "0" * 64)
    fresh = type(encoder)(encoder.settings, encoder.state)
    with pytest.raises(ConfigError, match=r"has the checksum 0{64}\. Expected [0-9a-f]{64}\."):
        fresh.encode(shop[1])
