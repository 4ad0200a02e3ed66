"""What is known of items, as a graph: who shares a brand with whom, who made what.

Its facts come from the columns of the catalogue and from imported triples.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from endcap.tables.catalogue import Catalogue, each
from endcap.tables.context import object_of
from endcap.tables.labels import levels
from endcap.tables.schema import IS
from endcap.types import Bools, Int32s

Field: TypeAlias = Literal["categories", "brand", "tags", "attributes"]

FIELDS: tuple[Field, ...] = ("categories", "brand", "tags", "attributes")

TOGETHER = ("also_bought", "bought_together", "also_viewed", "buy_after_viewing", "related")
"""Attributes that list other items by their ids."""

GOES_WITH = "goes with"

BROADER = ("category", "parent", "broader", "subcategory_of", "subclass_of", "is_a", "part_of")
"""Relations of triples that lead upwards, and so should never lead round."""

Fact: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True)
class Knowledge:
    """Facts, each once.

        scarf ──brand──▶ brand: acme ◀──brand── mug ──origin──▶ Italy

    items: how many items there are; their nodes come first, by their codes.
    names: of the things that are no items, whose nodes follow. What a column of the catalogue
        says is named with it, "brand: acme"; a thing of a triple by its own name.
    relations: their names, by their codes.
    heads, links, tails: [facts] node, relation and node.
    faults: how many facts are left out, by reason, and how many names stand in a circle.
    """

    items: int
    names: tuple[str, ...]
    relations: tuple[str, ...]
    heads: Int32s
    links: Int32s
    tails: Int32s
    faults: Mapping[str, int]

    @classmethod
    def of(cls, catalogue: Catalogue, fields: Iterable[Field] = FIELDS) -> Knowledge:
        """All that a catalogue says in these columns, and its triples."""
        given, unknown = _resolved(catalogue)
        facts = [*_stated(catalogue, tuple(fields)), *given]
        heads, links, tails = (
            pa.array([fact[place] for fact in facts], pa.string()) for place in range(3)
        )
        ids = pa.array(catalogue.ids, pa.string())
        ends = pc.unique(pa.concat_arrays([heads, tails]))
        names = ends.filter(pc.invert(pc.is_in(ends, value_set=ids)))
        nodes, relations = pa.concat_arrays([ids, names]), pc.unique(links)
        codes = np.stack([_codes(heads, nodes), _codes(links, relations), _codes(tails, nodes)])
        kept, faults = _kept(codes, len(ids), len(nodes))
        faults |= {"unknown_item": unknown, "circle": _circling(catalogue, given)}
        words = tuple(names.to_pylist()), tuple(relations.to_pylist())
        head, link, tail = codes[:, kept]
        return cls(len(ids), *words, head, link, tail, faults)

    def __len__(self) -> int:
        return len(self.heads)

    @property
    def nodes(self) -> int:
        return self.items + len(self.names)


def _codes(values: pa.Array, known: pa.Array) -> Int32s:
    """[values] the place of each among the known."""
    return np.asarray(pc.index_in(values, value_set=known).to_numpy(zero_copy_only=False), np.int32)


def _kept(codes: NDArray[np.int32], items: int, nodes: int) -> tuple[Int32s, dict[str, int]]:
    """The places of the facts that say something of items, and how many others do not.

    codes: [3, facts] head, relation, tail.
    """
    _, first = np.unique(codes, axis=1, return_index=True)
    head, _, tail = codes[:, first]
    shape = (nodes, nodes)
    graph = sparse.coo_array((np.ones(len(head), np.int8), (head, tail)), shape=shape)
    _, part = connected_components(graph, directed=False)
    reached = np.isin(part[head], part[:items])
    good = reached & (head != tail)
    faults = {
        "repeated": codes.shape[1] - len(first),
        "no_item": int(np.count_nonzero(~reached)),
        "itself": int(np.count_nonzero(reached & (head == tail))),
    }
    return np.sort(first[good]).astype(np.int32), faults


def _resolved(catalogue: Catalogue) -> tuple[list[Fact], int]:
    """The triples, with items in place of the things that they are, and how many of those facts
    speak of an item that is not in the catalogue. Of two items that are one thing, the second
    keeps its fact."""
    columns = (catalogue.triples[name].to_pylist() for name in ("head", "relation", "tail"))
    facts: list[Fact] = list(zip(*columns, strict=True))
    items: dict[str, str] = {}
    rest, unknown = list[Fact](), 0
    for head, relation, tail in facts:
        if relation == IS and catalogue.code(head) is None and catalogue.code(tail) is not None:
            head, tail = tail, head
        known = relation == IS and catalogue.code(head) is not None
        unknown += relation == IS and not known
        if known and tail not in items:
            items[tail] = head
        else:
            rest.append((head, relation, tail))
    return [
        (items.get(head, head), link, items.get(tail, tail)) for head, link, tail in rest
    ], unknown


def _stated(catalogue: Catalogue, fields: tuple[Field, ...]) -> Iterator[Fact]:
    """What the columns of the catalogue say."""
    for row in each(catalogue.table, ["item_id", *fields]):
        item = row.pop("item_id")
        attributes = object_of(row.pop("attributes", None))
        for name, value in (*row.items(), *attributes.items()):
            for relation, thing in _things(name, value):
                yield item, relation, thing


def _things(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """
    >>> list(_things("categories", ["Home > Lamps"]))
    [('category', 'category: home'), ('category', 'category: home > lamps')]
    >>> list(_things("also_bought", ["B7"]))
    [('goes with', 'B7')]
    """
    one = {"categories": "category", "tags": "tag"}.get(name, name)
    for label in value if isinstance(value, list) else [value]:
        if not isinstance(label, str) or not label.strip():
            continue
        if name in TOGETHER:
            yield GOES_WITH, label.strip()
        elif name == "categories":
            yield from ((one, f"{one}: {level}") for level in _levels(label))
        else:
            yield one, f"{one}: {' '.join(label.lower().split())}"


@lru_cache(1 << 16)
def _levels(path: str) -> tuple[str, ...]:
    """Many items have the same."""
    return tuple(levels(path.lower()))


def _circling(catalogue: Catalogue, given: list[Fact]) -> int:
    """How many categories are, in the end, above themselves: "Pens > Ink" here, "Ink > Pens"
    there."""
    paths = (levels(path.lower()) for path in _unique_paths(catalogue))
    names = ([level.rpartition(" > ")[2] for level in path] for path in paths)
    pairs = [(low, high) for path in names for high, low in pairwise(path)]
    pairs += [(head, tail) for head, relation, tail in given if relation.lower() in BROADER]
    codes = {name: code for code, name in enumerate({end for pair in pairs for end in pair})}
    low, high = ([codes[pair[side]] for pair in pairs] for side in (0, 1))
    shape = (len(codes), len(codes))
    graph = sparse.coo_array((np.ones(len(pairs), np.int8), (low, high)), shape=shape)
    _, part = connected_components(graph, connection="strong")
    alone: Bools = np.bincount(part)[part] == 1
    itself = {low for low, high in pairs if low == high}
    return int(np.count_nonzero(~alone)) + len(itself)


def _unique_paths(catalogue: Catalogue) -> list[str]:
    if "categories" not in catalogue.table.column_names:
        return []
    flat = pc.list_flatten(catalogue.table["categories"])
    return [path for path in pc.unique(flat).to_pylist() if path]
