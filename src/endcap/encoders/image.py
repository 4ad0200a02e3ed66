"""What an item's photo shows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from endcap.content import encoding
from endcap.content.cache import Cache
from endcap.content.efficientnet import DIM, WEIGHTS, Photos
from endcap.content.media import Files, pieces
from endcap.content.pictures import picture
from endcap.content.pieces import tried
from endcap.content.weights import needed
from endcap.stages import ALONE, Encoder, Run
from endcap.tables.catalogue import Catalogue
from endcap.types import Encoded, Floats


class Settings(Files):
    """Where the photos are."""


class Image(Encoder[Settings]):
    """What EfficientNet-Lite0 sees before it names it. Vectors have length 1."""

    settings_type = Settings

    @classmethod
    def check(cls, settings: Settings, key: str) -> None:
        WEIGHTS.path()
        needed("PIL.Image", "image")

    def encode(self, catalogue: Catalogue, run: Run = ALONE) -> Encoded:
        cache = Cache.of(run.cache, self, WEIGHTS.sha256, DIM)
        found = pieces(catalogue, self.settings)
        return encoding.encode(found, len(catalogue), self._embed, cache, run.report, "image")

    def _embed(self, contents: Sequence[bytes]) -> list[Floats | str]:
        pictures = [tried(picture, content) for content in contents]
        seen = iter(self._photos.vectors([one for one in pictures if not isinstance(one, str)]))
        return [one if isinstance(one, str) else next(seen) for one in pictures]

    @cached_property
    def _photos(self) -> Photos:
        return Photos.load()
