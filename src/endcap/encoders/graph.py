"""What an item has to do with other things: its place in the graph of facts."""

from __future__ import annotations

from functools import cached_property, partial
from typing import Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from endcap import config
from endcap.content.labels import packed, unpacked
from endcap.nn.loop import Plan, Steps, train
from endcap.stages import ALONE, Encoder, Run
from endcap.tables.catalogue import Catalogue
from endcap.tables.knowledge import FIELDS, Knowledge
from endcap.tables.knowledge import Field as Column
from endcap.types import Encoded, Int64s


class Settings(config.Settings):
    """Which facts are read, and how long is learned from them."""

    fields: tuple[Column, ...] = Field(
        FIELDS, description="columns of the catalogue that say what items share, beside triples"
    )
    dim: int = Field(64, gt=0, description="numbers that an item becomes")
    margin: float = Field(3.0, gt=0, description="how far apart is what has nothing to do")
    negatives: int = Field(16, gt=0, description="wrong ends that each fact is held against")
    epochs: int = Field(40, gt=0, description="epochs; in each, every fact is seen once")
    batch: int = Field(2_048, gt=0, description="facts in a batch")
    learning_rate: float = Field(1e-2, gt=0, description="step size of AdamW")
    average: float = Field(0.9, ge=0, lt=1, description="what the mean of weights keeps a step")


class Graph(Encoder[Settings]):
    """A fact moves its item to its thing: item + relation ≈ thing (TransE: Bordes et al., NIPS
    2013, with the loss of RotatE: Sun et al., ICLR 2019).

        scarf ──brand──▶ acme        vector of the scarf = mean of (acme − brand), …

    An item is where its facts say, and not where training has put it, so that one that arrives
    later has a place too. A thing that has to do with one other alone says nothing.
    state: `names` of the things and of the `relations`, and their vectors, `things` [names, dim]
    and `moves` [relations, dim].
    """

    settings_type = Settings
    search = config.space(dim=config.Choice(32, 64, 128), epochs=config.Between(10, 100))

    @classmethod
    def fit(cls, settings: Settings, catalogue: Catalogue, run: Run) -> Self:
        torch.manual_seed(run.seed)
        known = Knowledge.of(catalogue, settings.fields)
        facts = np.stack([known.heads, known.links, known.tails]).astype(np.int64)
        ends = np.unique(np.c_[np.r_[facts[0], facts[2]], np.r_[facts[2], facts[0]]], axis=0)
        crowd = np.bincount(ends[:, 0], minlength=known.nodes)
        shared = np.flatnonzero(crowd[known.items :] > 1)
        network = Places(known.nodes, len(known.relations), settings.dim)
        if len(shared):
            plan = Plan(settings.epochs, 0, settings.learning_rate, 0.0, settings.average, "graph")
            steps = partial(_steps, network, facts, settings, run.seed)
            network, _ = train(network, steps, None, plan, run)
        places, moves = network.place.weight.detach().numpy(), network.move.weight.detach().numpy()
        names = packed([known.names[thing] for thing in shared])
        words = {"names": names, "relations": packed(list(known.relations))}
        return cls(settings, {**words, "things": places[known.items + shared], "moves": moves})

    def encode(self, catalogue: Catalogue, run: Run = ALONE) -> Encoded:
        known = Knowledge.of(catalogue, self.settings.fields)
        things = np.full(known.nodes, -1)
        things[known.items :] = [self._names.get(one, -1) for one in known.names]
        relations = np.array([self._relations.get(one, -1) for one in known.relations], np.int64)
        move = relations[known.links] if len(known) else known.links
        total, count = np.zeros((known.items, self.settings.dim), np.float32), np.zeros(known.items)
        for item, thing, sign in ((known.heads, known.tails, 1), (known.tails, known.heads, -1)):
            said = np.flatnonzero((item < known.items) & (things[thing] >= 0) & (move >= 0))
            place = self.state["things"][things[thing[said]]]
            np.add.at(total, item[said], place - sign * self.state["moves"][move[said]])
            np.add.at(count, item[said], 1)
        length = np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9)
        return Encoded.masked((total / length).astype(np.float32), count > 0)

    @cached_property
    def _names(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(unpacked(self.state["names"]))}

    @cached_property
    def _relations(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(unpacked(self.state["relations"]))}


class Places(nn.Module):
    """place, move: a vector for each node, and one for each relation."""

    def __init__(self, nodes: int, relations: int, dim: int) -> None:
        super().__init__()
        self.place, self.move = nn.Embedding(nodes, dim), nn.Embedding(relations, dim)
        for table in (self.place, self.move):
            nn.init.normal_(table.weight, std=0.3)

    def near(self, heads: Tensor, links: Tensor, tails: Tensor) -> Tensor:
        """How far each head, moved, is from its tail."""
        gap = self.place(heads) + self.move(links) - self.place(tails)
        distance: Tensor = torch.linalg.vector_norm(gap, dim=-1)
        return distance


def _steps(network: Places, facts: Int64s, settings: Settings, seed: int, epoch: int) -> Steps:
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(facts.shape[1])
    starts = range(0, len(order), settings.batch)
    for step, start in enumerate(starts):
        batch = torch.from_numpy(facts[:, order[start : start + settings.batch]])
        yield (step + 1) / len(starts), partial(_loss, network, batch, settings)


def _loss(network: Places, facts: Tensor, settings: Settings) -> Tensor:
    """Facts shall be nearer than the margin, and what is drawn by chance farther: other heads of
    this batch, and other tails of it, so that each is drawn as often as it is spoken of."""
    heads, links, tails = facts
    drawn = torch.randint(len(heads), (2, len(heads), settings.negatives))
    right = network.near(heads, links, tails)
    wrong = [
        network.near(heads[drawn[0]], links[:, None], tails[:, None]),
        network.near(heads[:, None], links[:, None], tails[drawn[1]]),
    ]
    far = torch.cat(wrong, 1) - settings.margin
    return -(
        functional.logsigmoid(settings.margin - right).mean() + functional.logsigmoid(far).mean()
    )
