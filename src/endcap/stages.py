"""Every extension point of Endcap. Read this first.

A stage is settings plus arrays. `fit` is a class method that returns a finished, immutable
object; ``Class(settings, state)`` rebuilds it from exactly what was saved: JSON and
safetensors, never pickle. A stage is named in the configuration by its class path, so one
of your own is one file and one line:

    [retrievers.mine]
    use = "my_shop.models:Mine"

Files of one kind of stage never import each other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from endcap.config import Config, Search, Settings, space
from endcap.config import Feature as FeatureConfig
from endcap.errors import ReleaseError
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Asked, Dataset
from endcap.tables.scene import Scene
from endcap.types import (
    Candidates,
    Encoded,
    Floats,
    Int8s,
    Int32s,
    Moved,
    Queries,
    Ragged,
    Ranking,
    Report,
    Tie,
    silent,
)
from endcap.types.mapped import mapped
from endcap.types.state import State

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True)
class Earlier:
    """A model with the same settings, fitted before, that a new fit may go on from.

    items: [items] the model's code of each item, −1 for one that it has never heard of.
    until: the moment up to which it has learned everything; what follows is new.
    """

    state: State
    items: Int32s
    until: int


@dataclass(frozen=True)
class Run:
    """Where a fit takes place: who watches it, and where it may leave what it needs to resume.

    folder: for checkpoints; None keeps none.
    curves: for TensorBoard's logs, which outlive the run; None draws none.
    project: of Weights & Biases, where the same curves are drawn; none where it is empty.
    cache: for what encoders made of content, which later runs find there; None keeps nothing.
    features: what rankers are told of each candidate, beside where retrievers placed it.
    seed: of all randomness.
    earlier: what to go on from; None begins anew. A model that learns in seconds may not care.
    watch: told the number of each epoch that was judged, and its score; what it raises ends the
        fit.
    """

    folder: Path | None = None
    curves: Path | None = None
    seed: int = 1
    report: Report = field(default=silent)
    earlier: Earlier | None = None
    watch: Callable[[int, float], None] = field(default=lambda epoch, score: None)
    project: str = ""
    cache: Path | None = None
    features: Mapping[str, FeatureConfig] = field(default_factory=lambda: Config().features)


ALONE = Run()
"""Nobody watches, and nothing is kept."""


class Stage(ABC, Generic[S]):
    """Settings plus arrays: what all stages are.

    settings_type: what may be set; nothing, unless a stage says so.
    search: for the settings that `endcap tune` looks for better values of, what it tries.
    personal: what the arrays hold of single persons, for those who ask to be forgotten; "" for
        nothing.
    """

    personal: ClassVar[str] = ""
    settings_type: ClassVar[type[Settings]] = Settings
    search: ClassVar[Mapping[str, Search]] = space()

    def __init__(self, settings: S, state: State) -> None:
        self.settings, self.state = settings, state

    @classmethod
    def check(cls, settings: S, key: str) -> None:
        """Refuse settings that are wrong together, before any work.

        key: where they stand in the TOML, for the ConfigError.
        """

    @classmethod
    def parts(cls, settings: S) -> Mapping[str, tuple[type[Any], Settings]]:
        """What settings name by a class path, such as a network: by the setting, the class, which
        has a `search` of its own, and its settings. Raises ConfigError."""
        return {}

    def save(self, folder: Path) -> None:
        """Write the settings and arrays, from which `load` builds the same stage."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "settings.json").write_text(self.settings.model_dump_json(indent=1))
        arrays = {name: np.ascontiguousarray(array) for name, array in self.state.items()}
        draft = folder / ".state.safetensors"
        save_file(arrays, draft)
        draft.replace(folder / "state.safetensors")  # whoever has the old one mapped keeps it

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises ReleaseError where the folder does not hold this stage."""
        try:
            settings = cls.settings_type.model_validate_json((folder / "settings.json").read_text())
            return cls(settings, mapped(folder / "state.safetensors"))  # type: ignore[arg-type]
        except (OSError, ValueError, ArithmeticError, KeyError, TypeError) as error:
            raise ReleaseError(f"{folder} does not hold a {cls.__name__}: {error}") from error


class Retriever(Stage[S]):
    """All items → the few hundred that a visitor may want."""

    @property
    def hears_context(self) -> bool:
        """Whether it looks at what is said of visitors, `Queries.context`; where no retriever
        does, the service does not look it up."""
        return False

    @classmethod
    @abstractmethod
    def fit(cls, settings: S, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        """Learn from all that `dataset` holds.

        judge: questions about what came right after, to choose epochs by; the chosen number
        becomes a setting of the result, so that a fit without a judge repeats it.
        """

    @abstractmethod
    def retrieve(self, queries: Queries, n: int) -> Ranking:
        """Up to `n` items for each query: none twice, none that the query excludes."""

    def learn(self, queries: Queries, items: Int32s, kinds: Int8s) -> Self:
        """The model after these events as well, whether told one by one or at once. One that counts
        is exactly as if fitted with them too; a network may move items that had no event to learn
        from, and nothing else; one that can't learn so gives itself back.

        queries: for each event, its visitor at its moment, with the history before it, in which
        what the log has before it at the same moment stands too; the events stand in the order
        of their times.
        """
        return self

    @property
    def arrays(self) -> State:
        """What processes of a service have in common of the model, of which `taught` makes the
        same one: its state, or what that is put together from, and what follows from it and takes
        long to work out."""
        return self.state

    def taught(self, arrays: State) -> Self:
        """What another process has made by lessons of this model, as it was fitted. arrays: of the
        other's."""
        return type(self)(self.settings, arrays)

    def moved(self, queries: Queries, ranking: Ranking) -> Moved | None:
        """For each row of the ranking, the events of the query's history that lifted its score,
        and by how much. None where the model can't say."""
        return None

    def adopt(self, catalogue: Catalogue, new: Int32s) -> Self | None:
        """The model that knows further items as well. Where they are not asked about, it answers
        as before. None where it can't: then it is asked as if they did not exist.

        new: their codes, which follow on those that it knows.
        """
        return None

    def because(self, queries: Queries, ranking: Ranking) -> Ragged | None:
        """For each row of the ranking, the items of the query's history that speak for it,
        best first. None where the model can't say.
        """
        return None

    def ties(self, items: Int32s, other: int) -> list[Tie | None]:
        """How each of the items that `because` names has to do with the one that they speak for;
        None where the model can't say of one, an empty list where it never can.
        """
        return []


class Ranker(Stage[S]):
    """A few hundred candidates → the same ones, better ordered.

    probability: whether its scores say how likely each candidate is taken.
    """

    probability: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def fit(
        cls, settings: S, dataset: Dataset, asked: Asked, candidates: Candidates, run: Run
    ) -> Self:
        """Learn which candidates were taken.

        dataset: what was known before the questions; the retrievers learned from the same.
        candidates: what the retrievers propose for ``asked.queries``.

        Raises DataError where too few of them were taken to learn anything.
        """

    @abstractmethod
    def rank(self, queries: Queries, candidates: Candidates, catalogue: Catalogue) -> Ranking:
        """All candidates, by their new score."""

    def adopt(self, catalogue: Catalogue, new: Int32s) -> Self | None:
        """The ranker that can place further items as well; see `Retriever.adopt`. None where it
        can't: then it does not see them, and they stand behind all others."""
        return None

    def over(self, catalogue: Catalogue, run: Run) -> Self:
        """The ranker where items have the codes of another catalogue: that of a later fit, which
        goes on with it."""
        return self


class Rule(Stage[S]):
    """A decision of the shop, which learns nothing, though it may count.

    Before retrieval a rule says what may not be answered, so that lists stay full, and what must
    be considered though nobody proposes it. After ranking it may weigh scores, and then reorder
    or remove. The weights of all rules count before any of them reorders, so their order is of no
    importance to them; reordering follows the order in which the placement names the rules.
    """

    @classmethod
    def fit(cls, settings: S, catalogue: Catalogue, run: Run) -> Self:
        """Take from the catalogue what the rule needs."""
        return cls(settings, {})

    def counted(self, dataset: Dataset) -> Self:
        """The same with what it wants to know of the log; most want nothing."""
        return self

    def renewed(self, catalogue: Catalogue, run: Run) -> Self:
        """The same after the catalogue has changed: items keep their codes, new ones follow."""
        return self.fit(self.settings, catalogue, run)

    def restrict(self, queries: Queries) -> Queries:
        """The same questions with more in `exclude` or `allowed`."""
        return queries

    def wants(self, queries: Queries) -> Ragged | None:
        """Items for each query to go on with at the end of its list, as far as they may be
        answered. None for nothing."""
        return None

    def weigh(self, queries: Queries, ranking: Ranking) -> Floats | None:
        """[rows] a factor above 0 for each score, whatever the order of the rows. None leaves
        them alone."""
        return None

    def apply(self, queries: Queries, ranking: Ranking) -> Ranking:
        """The list to show, from the ranked one: no item more, and each with its score. To apply
        a rule twice is the same as once."""
        return ranking


class Encoder(Stage[S]):
    """Content → numbers.

    What it says of an item depends on that item alone, so that one that arrives by itself gets
    the vector that it would have got among all others.
    """

    @classmethod
    def fit(cls, settings: S, catalogue: Catalogue, run: Run) -> Self:
        """Learn from the content of the items what the vectors need; a model that comes with its
        weights learns nothing."""
        return cls(settings, {})

    @abstractmethod
    def encode(self, catalogue: Catalogue, run: Run = ALONE) -> Encoded:
        """A vector for each item of the catalogue, and which items have one.

        run: who is told how far it is, and where what takes long is kept for the next time.
        """


class Feature(Stage[S]):
    """What is known of a candidate at the question's moment → numbers for the ranker.

    Rankers keep the features that they learned with: their settings, and what they learned
    themselves.
    """

    @classmethod
    def fit(cls, settings: S, scene: Scene) -> Self:
        """Learn from candidates of the past what the values need; most need nothing."""
        return cls(settings, {})

    @abstractmethod
    def values(self, scene: Scene) -> Mapping[str, NDArray[Any]]:
        """[rows] for each column, by what its name adds to the feature's; "" where it is the only
        one. NaN where a value has no meaning. A row's values depend on that row and on what was
        before its question's moment, not on the other rows."""


class Metric(Protocol):
    """(lists, what was taken, k) → one number for each query, NaN where it has no meaning.

    ranking: lists for len(truth) queries, best first; only the first k of a list count.
    truth: the items that each query should have found.
    A metric of all lists together (coverage, say) returns a single number.
    """

    def __call__(self, ranking: Ranking, truth: Ragged, catalogue: Catalogue, k: int) -> Floats: ...
