"""How likely it is that a photo shows a product, learned from photos of which it is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from endcap.types import Floats

STEPS = 100
"""At most; L-BFGS needs some thirty."""


@dataclass(frozen=True)
class Likeness:
    """A softmax over products of a bilinear form of two vectors, that of a photo and that of what
    is known of a product. It is learned for some products and holds for others: the weights meet
    vectors, not names (Romera-Paredes and Torr, 2015, with the loss of a classifier).

    weights: [from, to]; mean [from] and target [to], what photos, and products, have in common.
    """

    weights: Floats
    mean: Floats
    target: Floats

    @classmethod
    def fit(
        cls,
        photos: Floats,
        products: Floats,
        right: NDArray[np.int64],
        pull: float,
        *,
        alike: bool = False,
    ) -> Self:
        """photos: [photos, from]; products: [products, to]; right: [photos] the row of each.

        pull: of the weights to zero, half of it times their squares beside the sum of the losses;
            without end, they stay there.
        alike: both vectors say the same by the same numbers, so that the cosine, times a factor
            that is learned too, counts from the start, and the pull is towards it.
        """
        mean, target = photos.mean(axis=0), products.mean(axis=0)
        given, wanted = (torch.from_numpy(one) for one in (photos - mean, unit(products - target)))
        size = float(given.square().sum(dim=1).mean().sqrt())
        given, answers = given / size, torch.from_numpy(right)
        weights = torch.zeros(given.shape[1], wanted.shape[1], requires_grad=pull < np.inf)
        factor = torch.zeros((), requires_grad=alike)
        likeness = given @ wanted.T if alike else torch.zeros(len(given), len(wanted))
        search = torch.optim.LBFGS(
            [one for one in (weights, factor) if one.requires_grad],
            max_iter=STEPS,
            tolerance_grad=1e-4,
            line_search_fn="strong_wolfe",
        )

        def loss() -> float:
            search.zero_grad()
            scores = given @ weights @ wanted.T + factor * likeness
            wrong = torch.nn.functional.cross_entropy(scores, answers, reduction="sum")
            total = wrong + (pull / 2 * weights.square().sum() if weights.requires_grad else 0)
            total.backward()  # type: ignore[no-untyped-call]
            return total.item()

        search.step(loss)  # type: ignore[no-untyped-call]
        found = weights.detach().numpy()
        if alike:
            found = found + factor.item() * np.eye(len(found), dtype=np.float32)
        return cls(np.asarray(found / size, np.float32), mean, target)

    def __call__(self, photos: Floats, products: Floats) -> Floats:
        """[photos, products] how likely each is; the shares of a photo add up to one."""
        scores = (photos - self.mean) @ self.weights @ unit(products - self.target).T
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float32)


def unit(vectors: Floats) -> Floats:
    """The same, each of length 1."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))
