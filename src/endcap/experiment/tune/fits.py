"""Configurations are judged on the validation part, and what is fitted for one serves all."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

from endcap.class_paths import resolve
from endcap.config import Config
from endcap.experiment.evaluate import DECIDES
from endcap.experiment.judge import judge
from endcap.experiment.work import Work
from endcap.recommender import FALLBACK, Recommender
from endcap.stages import Retriever, Run
from endcap.tables.dataset import Asked
from endcap.tables.parts import Part
from endcap.types import Floats

Watch: TypeAlias = Callable[[str, int, float], None]
"""Told a retriever's name, an epoch's number, and the score that it was judged by."""


def unwatched(name: str, epoch: int, score: float) -> None:
    """A `Watch` that does nothing."""


@dataclass(frozen=True)
class Fits:
    """Fitted stages in a folder, each by its settings: to try another set of retrievers, or
    another join, nothing is fitted.

    asked: questions about the validation part; models learn from what was known before it, and
        their epochs are chosen by them, too.
    ranked: whether the ranker orders the lists that are judged. It learns, as in `endcap fit`,
        from what retrievers that know less propose for the part before.
    """

    work: Work
    asked: Asked
    ranked: bool

    def scores(self, config: Config, watch: Watch = unwatched) -> Floats:
        """[Q] NDCG@10 of the lists of the first task's placement."""
        work = replace(self.work, config=config)
        system = self._system(work, Part.VALIDATION, watch)
        if self.ranked:
            first = self._system(work, Part.RANKER, unwatched)
            taught = replace(work, folder=work.folder / _order(config))
            ranker = next(iter(taught.rankers(first).values()), None)
            system = replace(system, ranker=ranker)
        placement, report = work.task.placement, work.report
        found = judge(system, self.asked, placement, (10,), report=report, step="judging")
        return found.values[DECIDES]

    def forget(self, keep: Iterable[Config]) -> None:
        """Remove all fits but those of some configurations."""
        kept = {name for config in keep for name in self._names(config)}
        for path in self.work.folder.iterdir():
            if path.is_dir() and path.name not in kept:
                shutil.rmtree(path)

    def _system(self, work: Work, part: Part, watch: Watch) -> Recommender:
        fitted = {name: self._fit(work, part, name, watch) for name in _taking_part(work.config)}
        return work.system(part, fitted)

    def _fit(self, work: Work, part: Part, name: str, watch: Watch) -> Retriever[Any]:
        cls, settings = resolve(Retriever, work.config.retrievers[name], f"retrievers.{name}")
        past, asked = work.dataset.before(part), work.asked(part, work.task)

        def make(run: Run) -> Retriever[Any]:
            watched = replace(run, watch=partial(watch, name))
            fitted: Retriever[Any] = cls.fit(settings, past, asked, watched)
            return fitted

        return work.keep(Retriever, _name(work.config, part, name), make)

    def _names(self, config: Config) -> Iterable[str]:
        parts = (Part.RANKER, Part.VALIDATION) if self.ranked else (Part.VALIDATION,)
        for name in _taking_part(config):
            yield from (_name(config, part, name) for part in parts)
        yield _order(config)


def _taking_part(config: Config) -> tuple[str, ...]:
    """The retrievers of the first task's placement, and what fills its lists."""
    place = config.placements[next(iter(config.evaluate.tasks.values())).placement]
    named = place.retrievers or tuple(config.retrievers)
    filling = (FALLBACK,) if place.fill and FALLBACK in config.retrievers else ()
    return tuple(dict.fromkeys((*named, *filling)))


def _name(config: Config, part: Part, name: str) -> str:
    return f"{part.name.lower()}-{name}-{_digest(config.retrievers[name].model_dump_json())}"


def _order(config: Config) -> str:
    """Of the ranker: it depends on all that is proposed to it."""
    return f"order-{_digest(config.model_dump_json())}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
