"""From a network that scores the whole catalogue to what a retriever keeps of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from pydantic import Field
from torch import nn

from endcap import config
from endcap.nn.loop import Plan, Steps, train
from endcap.nn.scoring import Scores, ndcg
from endcap.stages import Run, State
from endcap.tables.dataset import Asked

N = TypeVar("N", bound=nn.Module)


class Training(config.Settings):
    """How long and how fast a network learns from pairs of visitors and items."""

    epochs: int = Field(30, gt=0, description="epochs at most; without a judge, exactly")
    patience: int = Field(3, gt=0, description="epochs without a better score before it stops")
    batch: int | None = Field(
        None, gt=0, description="events in a batch; by the size of the log where not given"
    )
    learning_rate: float = Field(5e-3, gt=0, description="step size of AdamW")
    weight_decay: float = Field(0.1, ge=0, description="pull of the weights towards 0")
    average: float = Field(0.995, ge=0, lt=1, description="what the mean of weights keeps a step")
    judged: int = Field(2_000, gt=0, description="questions by which epochs are chosen")


T = TypeVar("T", bound=Training)


def fitted(
    network: N,
    settings: T,
    steps: Callable[[int], Steps],
    scorer: Callable[[N], Scores],
    judge: Asked | None,
    run: Run,
    name: str,
) -> tuple[T, State]:
    """The settings with the epochs that were best, and the weights by their names."""
    plan = Plan.of(settings, name)
    score = None
    if judge is not None:
        score = partial(_score, scorer, judge.sample(settings.judged, run.seed))
    best, epochs = train(network, steps, score, plan, run)
    state = {key: tensor.numpy() for key, tensor in best.state_dict().items()}
    return settings.model_copy(update={"epochs": epochs}), state


def _score(scorer: Callable[[N], Scores], judge: Asked, network: N) -> float:
    network.eval()
    return ndcg(scorer(network), judge)


def restored(network: N, state: State) -> N:
    """The network with the weights that `fitted` gave, ready to answer."""
    weights = {name: torch.from_numpy(np.array(array)) for name, array in state.items()}
    network.load_state_dict(weights)
    return network.eval()
