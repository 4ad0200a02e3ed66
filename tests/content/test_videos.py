"""Pictures of equally distant moments, and the sound beside them."""

from __future__ import annotations

import io

import numpy as np
import pytest

from endcap.content.pieces import Unreadable
from endcap.content.videos import frames, sound
from tests.contents import drawing, film, png, tone

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("av")

COLOURS = ("red", "green", "blue", "black")


def test_each_moment_shows_what_is_there() -> None:
    shown = frames(film([Image.new("RGB", (160, 128), colour) for colour in COLOURS]), 4)
    middle = np.array([one[:, 112, 112] for one in shown], np.int64).round(-2)
    assert middle.tolist() == [[300, 0, 0], [0, 100, 0], [0, 0, 300], [0, 0, 0]]


def broadcast(content: bytes, kind: str, begins: float) -> bytes:
    """The same pictures as a piece of a stream that has gone on for some seconds."""
    av, out = pytest.importorskip("av"), io.BytesIO()
    with av.open(io.BytesIO(content)) as video, av.open(out, "w", format=kind) as piece:
        shown = piece.add_stream_from_template(video.streams.video[0])
        for packet in video.demux(video=0):
            if packet.dts is not None:
                later = int(begins / packet.time_base)
                packet.pts, packet.dts, packet.stream = (
                    packet.pts + later,
                    packet.dts + later,
                    shown,
                )
                piece.mux(packet)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["matroska", "mp4"])
def test_the_clock_of_a_video_need_not_begin_at_zero(kind: str) -> None:
    whole = film([Image.new("RGB", (160, 128), colour) for colour in COLOURS])
    cut = frames(broadcast(whole, kind, begins=3_600.0), 4)
    assert [one[0, 112, 112] > 200 for one in cut] == [True, False, False, False]
    assert [one[2, 112, 112] > 200 for one in cut] == [False, False, True, False]


def test_a_video_may_be_a_single_picture() -> None:
    assert len(frames(png(drawing("car"), "GIF"), 4)) >= 1


def test_its_sound_is_heard() -> None:
    pages = [drawing("car")] * 6
    heard = sound(film(pages, tone("hum")), 2.0)
    assert heard is not None
    assert len(heard) == 32_000
    assert sound(film(pages), 2.0) is None
    assert sound(b"", 2.0) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no video",
        film([drawing("car")] * 2)[:600],
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile /etc/hostname\n",
    ],
)
def test_what_is_no_video_is_told(content: bytes) -> None:
    with pytest.raises(Unreadable, match=r"is no video|video shows nothing"):
        frames(content, 4)


def test_damage_anywhere_is_a_video_or_told() -> None:
    rng, whole = np.random.default_rng(1), film([drawing("car")] * 3, tone("hum", seconds=1.5))
    for _ in range(25):
        broken = bytearray(whole)
        for place in rng.integers(0, len(whole), 8):
            broken[place] = rng.integers(0, 256)
        sound(bytes(broken), 1.0)
        try:
            assert frames(bytes(broken), 3)
        except Unreadable:
            continue
