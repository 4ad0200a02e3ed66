"""The answer path: retrieve → join → rank → rules → top n.

Evaluation, batch and server run this very object, so what is measured is what is served.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from endcap.answer import Answer, PathTaken
from endcap.class_paths import load_stage, save_stage
from endcap.config import Config, Placement
from endcap.errors import ConfigError, FilterError, ReleaseError
from endcap.reasons import Reason, reasons
from endcap.stages import Ranker, Retriever, Rule, Run
from endcap.tables.catalogue import Catalogue
from endcap.types import (
    NOBODY,
    Bools,
    Candidates,
    History,
    Int8s,
    Int32s,
    Laps,
    Log,
    Queries,
    Ragged,
    Ranking,
)

log = logging.getLogger(__name__)

Restriction: TypeAlias = tuple[str, Callable[[Queries], Queries]]
"""The name of what forbids items, and the same questions without those items."""

FALLBACK = "popular"
"""The retriever that fills short lists and answers when all else fails."""

TAKEN = "already_taken"
"""The rule that `include_seen` leaves out."""

BATCH = 512
"""Queries that are answered at once: it bounds the memory of a large evaluation."""


def at_once(work: Callable[[], Ranking]) -> Ranking:
    """Work, to its end."""
    return work()


@dataclass(frozen=True)
class Recommender:
    """Retrievers, a ranker and rules over a catalogue.

    within: runs the ranker. Where that raises a TimeoutError, lists are answered without it.
    shelf: the items with the prices that filters go by, those of a market; None for those of the
        catalogue.
    """

    config: Config
    catalogue: Catalogue
    retrievers: Mapping[str, Retriever[Any]]
    ranker: Ranker[Any] | None
    rules: Mapping[str, Rule[Any]]
    within: Callable[[Callable[[], Ranking]], Ranking] = at_once
    shelf: Catalogue | None = None

    def __post_init__(self) -> None:
        """Raises ConfigError where the filter of a placement does not fit the catalogue."""
        for name, place in self.config.placements.items():
            try:
                self._permitted(place)
            except FilterError as error:
                raise ConfigError(
                    f"placements.{name}.filter = {place.filter!r}: {error}"
                ) from error

    @property
    def shown(self) -> Catalogue:
        """The items as they are shown and filtered."""
        return self.catalogue if self.shelf is None else self.shelf

    @property
    def hears_context(self) -> bool:
        """Whether it matters what is said of visitors."""
        return any(one.hears_context for one in self.retrievers.values())

    def rules_over(self, catalogue: Catalogue) -> dict[str, Rule[Any]]:
        """The rules as they are for a later state of the items, or another view of them."""
        run = Run(seed=self.config.seed)
        return {name: rule.renewed(catalogue, run) for name, rule in self.rules.items()}

    def answer(
        self, queries: Queries, n: int, placement: str = "home", include_seen: bool = False
    ) -> Answer:
        """Up to n items for each query. Fails towards an answer: without the ranker, then with
        what is popular. Raises ConfigError for an unknown placement."""
        place = self.placement(placement)
        parts = [
            (rows, self._answer(part, n, place, include_seen))
            for rows, part in queries.batches(BATCH)
        ]
        return parts[0][1] if len(parts) == 1 else Answer.concat(parts)

    def placement(self, name: str) -> Placement:
        """Raises ConfigError."""
        if name not in self.config.placements:
            known = ", ".join(self.config.placements)
            raise ConfigError(f"There is no placement {name!r}", expected=f"one of {known}")
        return self.config.placements[name]

    def ask(self, queries: Queries, place: Placement, include_seen: bool) -> Queries:
        """The question as the retrievers see it: about the anchors where the placement is, and
        without all that the placement's filter and the rules exclude."""
        for _, restrict in self.restrictions(place, include_seen):
            queries = restrict(queries)
        return queries.about_anchors() if place.anchored else queries

    def restrictions(self, place: Placement, include_seen: bool) -> Iterator[Restriction]:
        """All that forbids items: that they are gone from the catalogue, that the question is about
        them, the placement's filter, rules."""
        if (gone := self.catalogue.gone) is not None:
            yield "the catalogue", lambda asked: asked.allow(~gone)
        yield "items", lambda asked: replace(asked, exclude=asked.exclude.union(asked.anchors))
        if (permitted := self._permitted(place)) is not None:
            yield "the placement's filter", lambda asked: asked.allow(permitted)
        for name, rule in self._rules(place, include_seen):
            yield name, rule.restrict

    def propose(self, queries: Queries, place: Placement, laps: Laps | None = None) -> Candidates:
        """The joined candidates of the placement's retrievers. laps: where their times go."""
        names, depth = place.retrievers or tuple(self.retrievers), self.config.join.depth
        laps, lists = laps or Laps(), {}
        for name in names:
            lists[name] = self.retrievers[name].retrieve(queries, depth)
            laps.done(name)
        joined = Candidates.of(lists).joined(place.weights_of(names), self.config.join.constant)
        laps.done("join")
        return joined

    def reasons(self, queries: Queries, ranking: Ranking, placement: str = "home") -> list[Reason]:
        """One for each row of the ranking."""
        return reasons(self.retrievers, queries, ranking, self.placement(placement))

    def similar(
        self,
        items: Int32s,
        n: int,
        moment: int,
        filter: str = "",  # noqa: A002
        log: Log | None = None,
    ) -> Ranking:
        """For each item, the ones that may stand in for it, by what they are and by who took them:
        those that meet the filter and are on sale at the moment. Raises FilterError."""
        nobody = np.full(len(items), NOBODY, np.int32)
        moments = np.full(len(items), moment, np.int64)
        queries = Queries.of(nobody, moments, History.empty(len(items)))
        queries = replace(queries, anchors=Ragged(np.arange(len(items) + 1), items), log=log)
        if filter:
            queries = queries.allow(self.shown.meets(filter))
        # A release from before there was such a placement has none.
        place = "similar" if "similar" in self.config.placements else "product"
        return self.answer(queries, n, place).ranking

    def reweighted(
        self, placement: str, weights: Mapping[str, float], score_weights: Mapping[str, float]
    ) -> Recommender:
        """The same with other weights of the placement's join."""
        given = {"weights": dict(weights), "score_weights": dict(score_weights)}
        place = self.placement(placement).model_copy(update=given)
        placements = {**self.config.placements, placement: place}
        return replace(self, config=self.config.model_copy(update={"placements": placements}))

    def learn(self, queries: Queries, items: Int32s, kinds: Int8s) -> Recommender:
        """The same after more events; see `Retriever.learn`."""
        grown = {name: one.learn(queries, items, kinds) for name, one in self.retrievers.items()}
        return replace(self, retrievers=grown)

    def save(self, folder: Path) -> None:
        """Write settings, arrays and catalogue; `load` needs nothing else."""
        self.catalogue.save(folder / "catalogue")
        for group, stages in (("retrievers", self.retrievers), ("rules", self.rules)):
            for name, stage in stages.items():
                save_stage(stage, folder / group / name)
        if self.ranker is not None:
            save_stage(self.ranker, folder / "ranker")
        config = self.config.model_dump_json(indent=1)
        (folder / "config.json").write_text(config, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Recommender:
        """What `save` wrote. Raises ReleaseError."""
        try:
            # Complete as it is: what the shop left out must not come back as a default.
            config = Config.model_validate_json((folder / "config.json").read_bytes())
            catalogue = Catalogue.open(folder / "catalogue")
        except (OSError, ValueError) as error:
            raise ReleaseError(f"{folder} does not hold a system: {error}") from error
        ranker = folder / "ranker"
        return cls(
            config=config,
            catalogue=catalogue,
            retrievers={
                name: load_stage(Retriever, folder / "retrievers" / name)
                for name in config.retrievers
            },
            ranker=load_stage(Ranker, ranker) if ranker.is_dir() else None,
            rules={name: load_stage(Rule, folder / "rules" / name) for name in config.rules},
        )

    def _permitted(self, place: Placement) -> Bools | None:
        return self.shown.meets(place.filter) if place.filter else None

    def _answer(self, queries: Queries, n: int, place: Placement, include_seen: bool) -> Answer:
        path: PathTaken
        laps, fill = Laps(), place.fill
        asked = self.ask(queries, place, include_seen)
        laps.done("restrict")
        try:
            candidates = self.propose(asked, place, laps)
        except Exception:
            log.exception("Retrieval failed; answering with what is popular")
            candidates, ranking, path = Candidates.concat([]), Ranking.concat([]), "popular"
            fill = True
        else:
            ranking, path = self._rank(asked, candidates, place)
        laps.done("ranker")
        arranged = self._arranged(asked, ranking, n, place, include_seen, fill=fill)
        steps = (("models", ranking), *arranged)
        laps.done("rules")
        return Answer(steps[-1][1].top(n), path, candidates, steps, laps.seconds)

    def _rank(
        self, queries: Queries, candidates: Candidates, place: Placement
    ) -> tuple[Ranking, PathTaken]:
        ranker = self.ranker
        if not place.rank or ranker is None:
            return candidates.ranking, "full"
        try:
            return self.within(lambda: ranker.rank(queries, candidates, self.catalogue)), "full"
        except TimeoutError as error:
            log.warning("The ranker is late, %s; answering by the retrievers' places", error)
            return candidates.ranking, "no_ranker"
        except Exception:
            log.exception("The ranker failed; answering by the retrievers' places")
            return candidates.ranking, "no_ranker"

    def _arranged(
        self,
        asked: Queries,
        ranking: Ranking,
        n: int,
        place: Placement,
        include_seen: bool,
        *,
        fill: bool,
    ) -> Iterator[tuple[str, Ranking]]:
        """The lists after each step, by its name: what is popular, what rules want, their weights,
        then each rule."""
        if fill and FALLBACK in self.retrievers:
            ranking = _fill(ranking, self.retrievers[FALLBACK], asked, n)
            yield "popular", ranking
        rules = tuple(self._rules(place, include_seen))
        for _, rule in rules:
            if (wanted := rule.wants(asked)) is not None:
                ranking = _add(ranking, wanted, asked)
        weights = (rule.weigh(asked, ranking) for _, rule in rules)
        if given := [weight for weight in weights if weight is not None]:
            ranking = ranking.weighed(np.prod(given, axis=0))
        yield "weights", ranking
        for name, rule in rules:
            ranking = rule.apply(asked, ranking)
            yield name, ranking

    def _rules(self, place: Placement, include_seen: bool) -> Iterator[tuple[str, Rule[Any]]]:
        names = (name for name in place.rules if not (include_seen and name == TAKEN))
        return ((name, self.rules[name]) for name in names)


def _fill(ranking: Ranking, popular: Retriever[Any], asked: Queries, n: int) -> Ranking:
    """Short lists go on with popular items."""
    short = np.flatnonzero(np.bincount(ranking.query, minlength=len(asked)) < n)
    if not len(short):
        return ranking
    more = popular.retrieve(asked.take(short), n)
    return ranking.extended(Ranking.concat([(short, more)]))


def _add(ranking: Ranking, wanted: Ragged, asked: Queries) -> Ranking:
    """The lists going on with some items, as far as those may be answered."""
    more = Ranking(wanted.rows, wanted.values, np.zeros(len(wanted.values), np.float32))
    return ranking.extended(more.keep(asked.permits(more.query, more.item)))
