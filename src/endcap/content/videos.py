"""Bytes of a video → some of its pictures, and its sound."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from endcap.content.pictures import PIXELS, Picture, fitted
from endcap.content.pieces import Unreadable
from endcap.content.sounds import RATE, audible
from endcap.content.weights import needed
from endcap.types import Floats

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,ogg,gif"
"""Those that hold what they show. Playlists are not among them: they lead to other files."""

LONG = 2_000
"""Frames that are unpacked of a video at most; those before a moment are needed to show it."""


def frames(content: bytes, count: int) -> list[Picture]:
    """Pictures of moments with equal times between them. Raises Unreadable."""
    av = needed("av", "video")
    needed("PIL.Image", "image")
    try:
        with av.open(io.BytesIO(content), options={"format_whitelist": FORMATS}) as video:
            found = _frames(video, count)
    except Unreadable:
        raise
    except Exception as error:  # what decoders of broken bytes raise, nobody has listed
        raise Unreadable("is no video") from error
    if not found:
        raise Unreadable("video shows nothing")
    return found


def sound(content: bytes, seconds: float) -> Floats | None:
    """The first seconds of its sound, as `endcap.content.sounds.wave` gives them; None where it
    has none that can be heard."""
    av = needed("av", "video")
    try:
        with av.open(io.BytesIO(content), options={"format_whitelist": FORMATS}) as video:
            samples = _samples(av, video, int(seconds * RATE))
            return audible(samples, RATE)
    except Exception:  # whatever is wrong with it, the pictures are still there
        return None


def _frames(video: Any, count: int) -> list[Picture]:
    if not video.streams.video:
        raise Unreadable("video shows nothing")
    stream = video.streams.video[0]
    if stream.codec_context.width * stream.codec_context.height > PIXELS:
        raise Unreadable(f"picture has more than {PIXELS:,} pixels")
    begin, end = _span(video)
    found, left = list[Picture](), LONG
    for moment in begin + (end - begin) * (np.arange(count) + 0.5) / count:
        frame, used = _frame(video, stream, float(moment), left)
        left -= used
        if frame is not None:
            found.append(fitted(frame.to_image()))
    return found


def _span(video: Any) -> tuple[float, float]:
    """From when to when it goes, in seconds: what is cut out of a broadcast does not begin at 0."""
    begin, length = (video.start_time or 0) / 1_000_000, (video.duration or 0) / 1_000_000
    # Matroska counts the length from 0 as well.
    return begin, max(begin, length) if "matroska" in video.format.name else begin + length


def _frame(video: Any, stream: Any, moment: float, most: int) -> tuple[Any, int]:
    """The picture at a moment, in seconds, and how many frames were unpacked to find it."""
    video.seek(int(moment * 1_000_000))
    last, used = None, 0
    for frame in video.decode(stream):
        last, used = frame, used + 1
        if used >= most or (frame.time or 0.0) >= moment:
            break
    return last, used


def _samples(av: Any, video: Any, count: int) -> Floats:
    """Mono, at `RATE`, at most so many."""
    parts, heard = [np.zeros(0, np.float32)], 0
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    for frame in video.decode(audio=0) if video.streams.audio else ():
        for part in resampler.resample(frame):
            parts.append(part.to_ndarray().ravel())
            heard += part.samples
        if heard >= count:
            break
    return np.concatenate(parts)[:count]
