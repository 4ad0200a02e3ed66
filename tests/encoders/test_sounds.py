"""Sounds, voices and videos of a kind are near each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from endcap.encoders.audio import Audio, _clips
from endcap.encoders.video import Video
from endcap.encoders.voice import Voice
from endcap.stages import Encoder, Run
from endcap.tables.catalogue import Catalogue
from tests.contents import RATE, drawing, film, fitting, goods, nearest, tone, voiced, wav


def shop(folder: Path, sounds: list[Any]) -> Catalogue:
    for n, sound in enumerate(sounds):
        (folder / f"{n}.wav").write_bytes(wav(sound))
    return goods([{"attributes": {"audio_url": f"{n}.wav"}} for n in range(len(sounds))])


def fitted(cls: type[Encoder[Any]], folder: Path, known: Catalogue, **settings: Any) -> Any:
    return cls.fit(fitting(cls, folder=str(folder), **settings), known, Run(seed=1))


def beats(rate: float, seed: int, seconds: int = 8) -> Any:
    """So many beats of a second, at a pitch by chance that changes every two seconds."""
    rng, t = np.random.default_rng(seed), np.arange(seconds * RATE) / RATE
    pitch = np.repeat(np.exp(rng.uniform(np.log(200), np.log(4_000), seconds // 2)), 2 * RATE)
    on = (t * rate + rng.uniform()) % 1 < 0.5
    return 0.5 * np.sin(2 * np.pi * np.cumsum(pitch) / RATE) * on + 0.01 * rng.normal(size=len(t))


def agreement(model: Any, new: Catalogue, right: Any) -> float:
    """How often the nearest recording is a right one. right: [recordings, recordings]"""
    found = nearest(model.encode(new).vectors)
    return float(right[np.arange(len(found)), found].mean())


def test_it_learns_from_categories_what_they_share(tmp_path: Path) -> None:
    """The rhythm, and not the pitch, which is what a network hears that has not learned."""
    kinds = np.arange(90) % 3
    sounds = [beats((3, 5, 8)[kind], n, seconds=2) for n, kind in enumerate(kinds)]
    table = shop(tmp_path, sounds).table.to_pylist()
    rows = [{**row, "categories": [f"c{kind}"]} for row, kind in zip(table, kinds, strict=True)]
    right = kinds[48:, None] == kinds[48:]
    deaf = fitted(Audio, tmp_path, goods(rows[:1]))
    model = fitted(Audio, tmp_path, goods(rows[:48]), epochs=25, batch=24)
    assert agreement(deaf, goods(rows[48:]), right) < 0.6
    assert agreement(model, goods(rows[48:]), right) > 0.95


def test_recordings_are_drawn_among_items_that_have_one(tmp_path: Path) -> None:
    known = shop(tmp_path, [beats(3, n, seconds=2) for n in range(4)]).table.to_pylist()
    silent = [{"item_id": f"silent-{n}"} for n in range(60)]
    settings = fitting(Audio, folder=str(tmp_path), clips=4)
    clips, _ = _clips(settings, goods([*silent, *known]), Run())
    assert len(clips) == 4


def test_it_learns_from_recordings_alone_what_stays_the_same_in_each(tmp_path: Path) -> None:
    """The second half of a new recording, which has other pitches, is nearest to the first."""
    known = shop(tmp_path, [beats(2 + n / 4, n) for n in range(40)])
    (tmp_path / "halves").mkdir()
    halves = [half for n in range(20) for half in np.split(beats(2.25 + n / 2, 1_000 + n), 2)]
    new = shop(tmp_path / "halves", halves)
    right = (np.arange(40) ^ 1)[:, None] == np.arange(40)

    def other_half(learned: Catalogue, epochs: int) -> float:
        model = fitted(Audio, tmp_path, learned, epochs=epochs, batch=40)
        inside = model.settings.model_copy(update={"folder": str(tmp_path / "halves")})
        return agreement(Audio(inside, model.state), new, right)

    assert other_half(Catalogue(known.table.slice(0, 1), known.features), 1) < 0.2
    assert other_half(known, 60) > 0.45


def test_how_loud_it_is_does_not_count(tmp_path: Path) -> None:
    sound = tone("bell")
    catalogue = shop(tmp_path, [sound, sound / 8, tone("hum")])
    found = fitted(Audio, tmp_path, catalogue, epochs=1).encode(catalogue).vectors
    assert found[0] @ found[1] > 0.999


def test_voices(tmp_path: Path) -> None:
    """Three throats, each saying two things."""
    throats = [(100, (500, 1_200, 2_400)), (210, (750, 1_800, 3_000)), (150, (350, 900, 3_400))]
    sounds = [voiced(*throats[n // 2], seed=n) for n in range(6)]
    catalogue = shop(tmp_path, sounds)
    found = fitted(Voice, tmp_path, catalogue).encode(catalogue)
    assert nearest(found.vectors) == [1, 0, 3, 2, 5, 4]


def test_videos_by_what_they_show_then_by_how_they_sound(tmp_path: Path) -> None:
    shown = ["apple", "car", "apple", "car", "apple", "apple"]
    heard = ["hum", "hum", None, None, "rain", "hum"]
    for n, (picture, sound) in enumerate(zip(shown, heard, strict=True)):
        pages = [drawing(picture, seed=n + page) for page in range(4)]
        content = film(pages, tone(sound, seed=n, seconds=2.0) if sound else None)
        (tmp_path / f"{n}.mp4").write_bytes(content)
    catalogue = goods([{"attributes": {"video_url": f"{n}.mp4"}} for n in range(6)])
    found = fitted(Video, tmp_path, catalogue, pictures=4).encode(catalogue)
    likeness = found.vectors @ found.vectors.T
    assert found.known.all()
    assert nearest(found.vectors)[1] == 3
    assert likeness[0, 5] > likeness[0, 4] > likeness[0, 1]


@pytest.mark.parametrize("cls", [Audio, Voice], ids=lambda cls: cls.__name__)
def test_what_cannot_be_heard_is_counted(tmp_path: Path, cls: type[Encoder[Any]]) -> None:
    catalogue = shop(tmp_path, [tone("hum"), np.zeros(8_000)])
    (tmp_path / "text.wav").write_text("no sound")
    rows = [
        *catalogue.table.to_pylist(),
        {"item_id": "x", "attributes": '{"audio_url":"text.wav"}'},
    ]
    found = fitted(cls, tmp_path, catalogue).encode(goods(rows))
    assert found.known.tolist() == [True, False, False]
    assert found.faults == {"sound is silent": 1, "is no sound": 1}
