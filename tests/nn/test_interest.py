"""Attention sees the visitor's events and nothing else."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from endcap.nn.interest import Interest, Past, groups_of
from endcap.types import Queries
from tests.shops import catalogue, queries

GOODS = catalogue(6, categories=[1, 1, 2, 2, 0, 0])
CANDIDATES = torch.from_numpy(groups_of(queries([0, 1, 2, 3, 4, 5]).history.items, GOODS)).long()


def interest(past: Past) -> Tensor:
    """[6, 4] of the first visitor in each item, by a network that has learned nothing."""
    torch.manual_seed(1)
    found: Tensor = Interest(4, hears=False)(
        past, CANDIDATES, torch.zeros(6, dtype=torch.int64), None
    )
    return found.detach()


def past(asked: Queries, length: int = 5) -> Past:
    return Past.of(asked, GOODS, length)


def test_what_stands_in_the_padding_never_matters() -> None:
    asked = past(queries([0, 2]))
    other = replace(
        asked,
        kinds=asked.kinds + 3 * ~asked.there,
        ages=asked.ages + 7 * ~asked.there,
        groups=torch.where(asked.there[..., None], asked.groups, CANDIDATES[1]),
    )
    torch.testing.assert_close(interest(other), interest(asked), rtol=0, atol=0)
    torch.testing.assert_close(interest(past(queries([0, 2]), 9)), interest(asked))


def test_other_visitors_and_older_events_never_matter() -> None:
    alone = interest(past(queries([0, 2])))
    torch.testing.assert_close(interest(past(queries([0, 2], [1, 4, 5, 3]))), alone)
    torch.testing.assert_close(
        interest(past(queries([5, 0, 2]), 2)), interest(past(queries([4, 0, 2]), 2))
    )


def test_nobody_is_interested_in_anything_without_a_past() -> None:
    assert torch.all(interest(past(queries([]))) == 0)


def test_a_tie_is_what_both_have() -> None:
    """Items 4 and 5 have no category, brand or department: that is nothing in common."""
    found = interest(past(queries([4])))
    torch.testing.assert_close(found[5], found[0])
    assert not torch.allclose(found[4], found[0])
    found = interest(past(queries([0])))
    assert not torch.allclose(found[1], found[2])
