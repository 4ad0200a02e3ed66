"""Items by what is written of them, and visitors by a few steps towards what they had.

For a new shop, which goes on from another's model.
"""

from __future__ import annotations

from copy import copy
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from endcap import config
from endcap.class_paths import import_class
from endcap.nn.fitting import Training, fitted, restored
from endcap.nn.losses import sampled_softmax
from endcap.nn.objective import Negatives
from endcap.nn.pairs import Pairs
from endcap.nn.pooling import pooled, shares
from endcap.nn.scoring import Scores, batch_of
from endcap.stages import ALONE, Earlier, Encoder, Retriever, Run
from endcap.tables.catalogue import Catalogue
from endcap.tables.dataset import Asked, Dataset
from endcap.types import Bools, Floats, History, Int32s, Queries, Ranking
from endcap.types.state import State, below, parted, under

SHORT = 6
"""Events that a past is cut to for practice: fewer than this."""

ENCODER = "encoder"
"""What the names of an encoder's arrays in the state begin with."""


class Settings(Training):
    """What describes an item, and how a visitor is understood."""

    encoder: str = Field(
        "", description="class path of the encoder that describes items; ids alone where not given"
    )
    content: dict[str, Any] = Field({}, description="the settings of the encoder")
    own: bool = Field(True, description="whether an item also has a vector of its own")
    dim: int = Field(64, gt=0, description="width of the vectors of visitors and items")
    steps: int = Field(2, gt=0, description="steps of a visitor's vector towards their events")
    practice: float = Field(
        0.0, ge=0, le=1, description="share of the pasts that are cut to a few events in training"
    )
    frozen: bool = Field(
        False, description="whether what was learned elsewhere answers as it is, if there is any"
    )
    negatives: int = Field(512, gt=0, description="items drawn for a batch as not taken")
    popular: float = Field(
        0.5, ge=0, le=1, description="share of them that is drawn by number of events, not evenly"
    )
    history: int = Field(20, gt=0, description="newest events of a visitor that count")


class Learner(nn.Module):
    """described: from content to an item's vector; own: what it has besides; fame: how much it
    counts how popular an item is."""

    content: Tensor
    popularity: Tensor
    kinds: Tensor

    def __init__(self, settings: Settings, content: Floats, popularity: Floats, kinds: Floats):
        super().__init__()
        self.settings, dim = settings, settings.dim
        self.described = nn.Linear(content.shape[1], dim, bias=False)
        self.own = nn.Embedding(len(content), dim)
        nn.init.normal_(self.own.weight, std=0.0 if content.any() else dim**-0.5)
        self.own.weight.requires_grad_(settings.own)
        self.fame = nn.Parameter(torch.ones(1))
        given = {"content": content, "popularity": popularity, "kinds": kinds}
        for name, array in given.items():
            self.register_buffer(name, torch.from_numpy(np.array(array, np.float32)))

    def items(self) -> Tensor:
        """[items, dim]"""
        vectors: Tensor = self.described(self.content) + self.own.weight
        return vectors

    def visitors(self, past: History, items: Tensor, shown: Tensor, bias: Tensor) -> Tensor:
        """[rows, dim] after all steps.

        shown: [n] codes of the items that a visitor's events are held against; bias: [n].
        """
        mean = pooled(items, past, past.items, shares(past, self.settings.recency, self.kinds))
        width = torch.from_numpy((past.lengths > 0).astype(np.float32))[:, None]
        width = width * self.settings.dim**0.5 / self.settings.steps
        visitor, others = torch.zeros_like(mean), items[shown]
        for _ in range(self.settings.steps):
            expected = (visitor @ others.t() + bias).softmax(1) @ others
            visitor = visitor + width * (mean - expected)
        return visitor

    def biases(self) -> Tensor:
        """[items] what an item is taken by, whoever comes."""
        return self.fame * self.popularity


class FewSteps(Retriever[Settings]):
    """A visitor is a vector that takes a few gradient steps of a softmax towards their events, and
    items learn through those steps, as in MeLU (Lee et al., KDD 2019); with `practice`, also from
    visitors who are shown with a few events or none.

        no event: what is popular      one: it pulls, twice      fifty: they pull, twice

    Items are told by their content, so a model of one shop answers in another (`Run.earlier`),
    whose texts the same encoder reads; what an item has of its own, and how popular it is, stay
    behind.
    state: the weights and columns of `Learner`, by their names; `encoder.NAME` the encoder's.
    """

    settings_type = Settings
    search = config.space(
        dim=config.Choice(32, 64, 128),
        steps=config.Between(1, 4),
        practice=config.Between(0.0, 1.0),
        recency=config.Between(0.5, 1.0),
        learning_rate=config.Between(1e-3, 2e-2, log=True),
    )

    def __init__(self, settings: Settings, state: State) -> None:
        # A slash stood there at first.
        state = {name.replace("encoder/", "encoder.", 1): one for name, one in state.items()}
        super().__init__(settings, state)
        own, _ = parted(state, ENCODER)
        columns = own["content"], own["popularity"], own["kinds"]
        self.network = restored(Learner(settings, *columns), own)
        with torch.no_grad():
            self.items, self.biases = self.network.items(), self.network.biases()
        self.heard: Bools | None = None

    @classmethod
    def check(cls, settings: Settings, key: str) -> None:
        if settings.encoder:
            found = import_class(Encoder, settings.encoder, f"{key}.encoder")
            found.check(found.settings_type.model_validate(settings.content), f"{key}.content")

    @classmethod
    def fit(cls, settings: Settings, dataset: Dataset, judge: Asked | None, run: Run) -> Self:
        torch.manual_seed(run.seed)
        earlier: State = run.earlier.state if run.earlier else {}
        encoder = _encoder(settings, dataset.catalogue, earlier, run)
        content = np.zeros((len(dataset.catalogue), 1), np.float32)
        if encoder is not None:
            content = encoder.encode(dataset.catalogue, run).vectors
        count = np.bincount(dataset.item, minlength=len(content))
        popularity = np.log((count + 1) / (count.sum() + len(count))).astype(np.float32)
        network = Learner(settings, content, popularity, dataset.kind_weights)
        if run.earlier:
            _begin(network, run.earlier)
        arrays = under(ENCODER, encoder.state) if encoder else {}
        if settings.frozen and earlier:
            as_it_was = {name: one.numpy() for name, one in network.state_dict().items()}
            return cls(settings, {**as_it_was, **arrays})
        negatives = Negatives(count, settings.negatives, settings.popular)
        lessons = partial(_loss, network, negatives), dataset, dataset.weight
        changed, state = fitted(network, settings, lessons, _scorer, judge, run, "few steps")
        return cls(changed, {**state, **arrays})

    def retrieve(self, queries: Queries, n: int) -> Ranking:
        """Also for those who have done nothing yet."""
        asked = queries if self.heard is None else queries.allow(self.heard)
        scores = partial(_scores, self.network, self.items, self.biases)
        parts = [
            (rows, Ranking.best(part.forbid(scores(part)), n))
            for rows, part in asked.batches(batch_of(len(self.items)))
        ]
        return Ranking.concat(parts)

    def adopt(self, catalogue: Catalogue, new: Int32s) -> Self | None:
        """By what is written of them, and as popular as what nobody took; one of which nothing is
        written is not proposed."""
        encoder = _encoder(self.settings, catalogue, self.state, ALONE)
        if encoder is None:
            return None
        said, before = encoder.encode(catalogue.some(new)), self.heard
        grown = copy(self)
        grown.heard = np.r_[
            np.ones(len(self.items), bool) if before is None else before, said.known
        ]
        least = self.biases.min().expand(len(new))
        with torch.no_grad():
            described = self.network.described(torch.from_numpy(said.vectors))
        grown.items, grown.biases = (
            torch.cat(both) for both in ((self.items, described), (self.biases, least))
        )
        return grown


def _encoder(
    settings: Settings, catalogue: Catalogue, earlier: State, run: Run
) -> Encoder[Any] | None:
    """The earlier model's, or one that learns from this catalogue; None where none is named."""
    if not settings.encoder:
        return None
    cls = import_class(Encoder, settings.encoder, "encoder")
    own = cls.settings_type.model_validate(settings.content)
    kept = below(earlier, ENCODER)
    found: Encoder[Any] = cls(own, kept) if kept else cls.fit(own, catalogue, run)
    return found


@torch.no_grad()
def _begin(network: Learner, earlier: Earlier) -> None:
    """With the earlier weights; of single items, those that were there already have theirs."""
    known = np.flatnonzero(earlier.items >= 0)
    for name, weight in network.named_parameters():
        old = torch.from_numpy(np.array(earlier.state[name]))
        if name == "own.weight":
            weight[known] = old[earlier.items[known]]
        else:
            weight.copy_(old)


@torch.no_grad()
def _scorer(network: Learner) -> Scores:
    items, bias = network.items(), network.biases()
    return partial(_scores, network, items, bias)


@torch.no_grad()
def _scores(network: Learner, items: Tensor, bias: Tensor, queries: Queries) -> Floats:
    """[queries, items]"""
    past = queries.history.last(network.settings.history)
    known = torch.arange(len(network.content))  # what came since changes nobody
    visitors = network.visitors(past, items, known, bias[: len(known)])
    scores: Floats = (visitors @ items.t() + bias).numpy()
    return scores


def _loss(network: Learner, negatives: Negatives, pairs: Pairs) -> Tensor:
    """What follows on the past, or on a shorter one; what is drawn teaches visitor and model."""
    items, bias, drawn = network.items(), network.biases(), negatives.draw()
    past = _cut(pairs.past, network.settings.practice)
    visitors = network.visitors(past, items, drawn, bias[drawn] - negatives.log_q[drawn])
    one = visitors.new_ones(len(visitors), 1)
    return sampled_softmax(
        torch.cat([visitors, one], 1),
        torch.cat([items, bias[:, None]], 1),
        pairs.items,
        drawn,
        negatives.log_q,
        pairs.weight,
    )


def _cut(past: History, share: float) -> History:
    """Some rows keep their newest few events alone, or none."""
    few = torch.randint(SHORT, (len(past),)).numpy()
    most = np.where(torch.rand(len(past)).numpy() < share, few, np.iinfo(np.int32).max)
    return past.keep(past.ages < most[past.rows])
