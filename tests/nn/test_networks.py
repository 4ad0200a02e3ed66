"""What every network promises: see `Network`. And what each says it computes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from endcap.errors import ConfigError
from endcap.nn.networks import Network, build
from endcap.nn.networks.attention import Attention
from endcap.nn.networks.cnn import CNN
from endcap.nn.networks.mlp import Filter
from tests.contracts.found import NETWORKS

BATCH, LENGTH, DIM = 3, 9, 8

CASES: list[tuple[type[Network], dict[str, Any]]] = [
    *((cls, {}) for cls in NETWORKS),
    *((Attention, {option: True}) for option in ("gated", "place_bias", "time_bias")),
    (Attention, {"gated": True, "place_bias": True, "time_bias": True}),
    *((cls, {"layers": 3}) for cls in NETWORKS),
]


def name(value: Any) -> str:
    return value.__name__ if isinstance(value, type) else " ".join(value) or "default"


def events(length: int = LENGTH) -> tuple[Tensor, Tensor]:
    """Vectors, and times that rise by up to a week."""
    torch.manual_seed(1)
    steps = torch.randint(0, 10_000, (BATCH, length))
    return torch.randn(BATCH, length, DIM), 27_000_000 + steps.cumsum(1)


def awake(network: Network) -> Network:
    """With weights by chance, so that none of its parts is idle."""
    torch.manual_seed(2)
    for weight in network.parameters():
        nn.init.normal_(weight, std=0.5)
    return network.eval()


@pytest.fixture(params=CASES, ids=lambda case: "-".join(map(name, case)))
def network(request: pytest.FixtureRequest) -> Network:
    cls, settings = request.param
    return awake(cls(cls.settings_type.model_validate(settings), DIM))


def test_the_folder_has_all_six() -> None:
    found = {cls.__name__ for cls in NETWORKS}
    assert found == {"Attention", "GRU", "LSTM", "RNN", "CNN", "MLP"}


def test_at_one_event_it_says_what_it_says_at_all(network: Network) -> None:
    x, times = events()
    last = torch.tensor([0, 4, LENGTH - 1])
    torch.testing.assert_close(
        network.at(x, times, last), network(x, times)[torch.arange(BATCH), last]
    )


def test_what_comes_later_never_changes_what_came_out(network: Network) -> None:
    x, times = events()
    before = network(x, times)
    assert before.shape == x.shape
    for place in range(LENGTH):
        other, moved = x.clone(), times.clone()
        other[:, place:] = torch.randn(BATCH, LENGTH - place, DIM)
        moved[:, place:] += 50_000
        after = network(other, moved)
        torch.testing.assert_close(after[:, :place], before[:, :place])
        assert not torch.allclose(after[:, place:], before[:, place:], atol=1e-3)


def test_what_came_before_is_remembered(network: Network) -> None:
    """The event before at least; else a network that looks at nothing would pass."""
    x, times = events()
    before = network(x, times)
    x[:, 3] += 1
    changed = (network(x, times) - before).abs().amax(dim=(0, 2))
    assert (changed[3:5] > 1e-3).all()


def test_padding_on_the_right_is_never_seen(network: Network) -> None:
    x, times = events()
    alone = network(x, times)
    padded = nn.functional.pad(x, (0, 0, 0, 4))
    among = network(padded, nn.functional.pad(times, (0, 4)))
    torch.testing.assert_close(among[:, :LENGTH], alone)


def test_each_row_is_read_by_itself(network: Network) -> None:
    x, times = events()
    together = network(x, times)
    for row in range(BATCH):
        one = slice(row, row + 1)
        torch.testing.assert_close(network(x[one], times[one]), together[one])


def test_every_weight_learns(network: Network) -> None:
    x, times = events()
    network.train()(x, times).square().sum().backward()
    for key, weight in network.named_parameters():
        assert weight.grad is not None, key
        assert weight.grad.abs().sum() > 0, key


def test_attention_knows_times_only_where_it_is_told_to() -> None:
    x, times = events()
    moved = times + torch.arange(LENGTH) * 100_000
    for told in (False, True):
        network = awake(build({"time_bias": told}, DIM, "network"))
        assert torch.equal(network(x, times), network(x, moved)) != told


@pytest.mark.parametrize("cls", NETWORKS, ids=lambda cls: cls.__name__)
def test_it_begins_with_each_event_alone(cls: type[Network]) -> None:
    x, times = events()
    network = build({"use": f"{cls.__module__}:{cls.__name__}"}, DIM, "network").eval()
    torch.testing.assert_close(network(x, times), nn.RMSNorm(DIM)(x))


def set_all(network: Network, part: str, value: float) -> None:
    for key, weight in network.named_parameters():
        if key.endswith(part):
            nn.init.constant_(weight, value)


def test_biases_of_attention_that_are_zero_change_nothing() -> None:
    x, times = events()
    found = []
    for biased in (False, True):
        torch.manual_seed(3)
        network = build({"place_bias": biased, "time_bias": biased}, DIM, "network").eval()
        set_all(network, "scale", 1.0)
        found.append(network(x, times))
    torch.testing.assert_close(*found)


def test_a_closed_gate_lets_nothing_through() -> None:
    x, times = events()
    network = awake(build({"gated": True}, DIM, "network"))
    set_all(network, "gate.bias", -1e4)
    set_all(network, "stack.norm.weight", 1.0)
    torch.testing.assert_close(network(x, times), nn.RMSNorm(DIM)(x))


def test_a_filter_weighs_by_distance_as_far_as_it_reaches() -> None:
    x, _ = events()
    layer = Filter(DIM, reach=4)
    weight = layer.weight.detach()
    expected = torch.zeros_like(x)
    for place in range(LENGTH):
        for back in range(min(4, place + 1)):
            expected[:, place] += weight[:, back] * x[:, place - back]
    torch.testing.assert_close(layer(x).detach(), expected)


def test_convolutions_look_back_as_far_as_they_say() -> None:
    x, times = events(20)
    network = awake(CNN(CNN.settings_type(), DIM))
    before = network(x, times)
    x[:, 2] += 1
    changed = (network(x, times) - before).abs().amax(dim=(0, 2)) > 1e-6
    assert changed.nonzero().flatten().max() == 2 + 14


PATH = "endcap.nn.networks"


def test_a_network_is_named_by_its_class_path() -> None:
    assert isinstance(build({}, DIM, "network"), Attention)
    assert isinstance(build({"use": f"{PATH}.cnn:CNN", "layers": 2}, DIM, "network"), CNN)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"use": 3}, "network: use = 3: Input should be a valid string"),
        ({"use": "nowhere:It"}, "network.use = 'nowhere:It' cannot be imported"),
        ({"use": "pathlib:Path"}, "network.use = 'pathlib:Path' is not a Network"),
        ({"use": f"{PATH}.gru:GRU", "heads": 2}, "heads = 2: .* but layers, dropout"),
        ({"layers": 0}, "network: layers = 0: Input should be greater than 0"),
        ({"heads": 3}, "network: heads = 3 does not divide dim = 8"),
    ],
)
def test_a_wrong_choice_is_told_with_what_is_allowed(chosen: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(chosen, DIM, "network")
