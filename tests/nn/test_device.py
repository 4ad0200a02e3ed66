"""Where a network learns and in which numbers, as far as a machine without a GPU can tell."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from endcap.nn import networks, objective
from endcap.nn.device import CPU, autocast, precision
from endcap.nn.losses import full_softmax
from endcap.nn.objective import Among
from endcap.nn.reader import Reader, Reading
from endcap.nn.sequences import TrainingBatch
from tests.nn.test_networks import CASES


def batch() -> TrainingBatch:
    codes = torch.arange(12).view(3, 4)
    last = torch.full((3,), 3)
    return TrainingBatch(codes, codes % 2, codes % 5, codes, last, codes - 1, None)


def reader(**settings: Any) -> Reader:
    """A network of 20 items with content."""
    says = {"text": np.eye(20, 6, dtype=np.float32)}
    return Reader(Reading.model_validate(settings), np.arange(20) > 3, says)


def loss_of(network: Reader) -> Tensor:
    one, vectors = batch(), network.item()
    learn = one.target >= 0
    hidden = network(one, functional.embedding(one.items, vectors))[learn]
    return full_softmax(hidden.float(), vectors, one.target[learn])


def test_the_choice_is_the_same_each_time() -> None:
    assert len({precision(CPU) for _ in range(5)}) == 1


def test_bfloat16_gives_nearly_the_same_gradients() -> None:
    torch.manual_seed(1)
    network = reader(dim=16, embedding_dropout=0.0, id_dropout=0.0, network={"dropout": 0.0})
    for weight in network.parameters():  # a new network's layers say nothing yet
        nn.init.normal_(weight, std=0.3)
    gradients = []
    for dtype in (torch.float32, torch.bfloat16):
        network.zero_grad()
        with autocast(CPU, dtype):
            loss = loss_of(network)
        loss.backward()  # type: ignore[no-untyped-call]
        assert loss.dtype is torch.float32
        gradients.append(network.item.weight.grad)
    single, half = gradients
    assert single is not None
    assert half is not None
    assert not torch.equal(single, half)
    assert (single - half).norm() < 0.05 * single.norm()


ELSEWHERE = torch.device("meta")
"""Tensors that have a shape and a place but no numbers; like on a GPU, to mix them is an error."""


@pytest.mark.parametrize(("cls", "options"), CASES, ids=str)
def test_all_tensors_of_a_network_are_where_its_weights_are(
    cls: type[networks.Network], options: dict[str, Any]
) -> None:
    use = {"use": f"{cls.__module__}:{cls.__name__}", **options}
    network = reader(dim=8, gap=True, token_dropout=0.1, network=use).to(ELSEWHERE)
    one, vectors = batch().to(ELSEWHERE), network.item()
    assert vectors.device == ELSEWHERE
    assert network(one, functional.embedding(one.items, vectors)).device == ELSEWHERE


@pytest.mark.parametrize("name", get_args(objective.Name))
def test_all_tensors_of_a_loss_are_where_the_vectors_are(name: objective.Name) -> None:
    counts = np.arange(20)
    goal = objective.objective(name, counts, full=9, negatives=4, calibration=0.7, smoothing=0.1)
    hidden, items, weight = (torch.zeros(size, device=ELSEWHERE) for size in ((6, 8), (20, 8), 6))
    target, drawn = (torch.zeros(n, dtype=torch.int64, device=ELSEWHERE) for n in (6, 4))
    among = Among(None, target)
    if goal.negatives is not None:
        among = Among(torch.arange(20), target, drawn, torch.zeros(20, device=ELSEWHERE))
    assert goal.loss(hidden, items, target, among, weight).device == ELSEWHERE
