"""The release that a fit goes on from, so that deep models need not begin anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from endcap.config import Config, Settings
from endcap.errors import ConfigError, StateError
from endcap.experiment.batch import served
from endcap.recommender import Recommender
from endcap.stages import Earlier, Ranker, Retriever, Run
from endcap.store.releases import Releases
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part


@dataclass(frozen=True)
class Origin:
    """A release's systems, and the moment up to which each has learned.

    measured: the one that was judged; live: the one that answers visitors.
    """

    release: str
    measured: Recommender
    live: Recommender
    until: dict[str, int]

    @classmethod
    def of(cls, releases: Releases, dataset: Dataset) -> Self:
        """The live release. Raises StateError where it can't be gone on from."""
        folder, manifest = releases.path(), releases.manifest()
        if dataset.meaning.protocol != "time":
            raise ConfigError(
                f"split.protocol = {dataset.meaning.protocol!r} holds out events of all times",
                expected="'time' for a fit that goes on from a release",
                mend="Fit without --continue",
            )
        own = cls(
            release=folder.name,
            measured=Recommender.load(folder / "measured"),
            live=Recommender.load(served(folder)),
            until=manifest.get("learned_until", {}),
        )
        begin = dataset.beginning(Part.VALIDATION)
        if own.until.get("measured", begin + 1) > begin:
            raise StateError(
                f"Release {own.release} has learned from what is to be asked about now",
                mend="Fit without --continue, or import newer events and run `endcap prepare`",
            )
        return own

    def rankers(self, config: Config, catalogue: Catalogue, run: Run) -> dict[str, Ranker[Any]]:
        """The one that was chosen, by its name, over today's items; none where the shop no longer
        has it."""
        ranker, names = self.measured.ranker, tuple(self.measured.config.rankers)[:1]
        return {
            name: ranker.over(catalogue, run)
            for name in names
            if ranker is not None and name in config.rankers
        }

    def earlier(
        self, part: Part, name: str, cls: type[Retriever[Any]], settings: Settings, past: Dataset
    ) -> Earlier | None:
        """What a retriever learned before; None where it is another model, or set otherwise.

        part: before which it is to be fitted now.
        """
        which = "live" if part is Part.LIVE else "measured"
        system: Recommender = getattr(self, which)
        found = system.retrievers.get(name)
        if type(found) is not cls or not _alike(found.settings, settings):
            return None
        codes = past.catalogue.codes_in(system.catalogue)
        return Earlier(found.state, codes, self.until[which])


def _alike(one: Settings, other: Settings) -> bool:
    """The same but for the number of epochs, which a fit chooses."""
    return one.model_dump(exclude={"epochs"}) == other.model_dump(exclude={"epochs"})
