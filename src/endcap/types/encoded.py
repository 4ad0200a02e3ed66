"""Content as numbers: a vector for each item, and which items have one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from endcap.types.arrays import Bools, Floats


@dataclass(frozen=True)
class Encoded:
    """What an encoder says of items.

        item   vectors        known
        scarf  .1 −.3  .9     True
        mug     0   0   0     False     nothing is known of its content

    vectors: [items, dim], 0 where the content is unknown.
    known: [items] whether it is known. A vector of zeros says nothing; this mask does.
    faults: why content that an item has could not be read, and of how many items.
    """

    vectors: Floats
    known: Bools
    faults: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def masked(
        cls, vectors: Floats, known: Bools, faults: Mapping[str, int] | None = None
    ) -> Encoded:
        """With zeros wherever the content is unknown."""
        return cls(np.where(known[:, None], vectors, np.float32(0)), known, faults or {})

    @classmethod
    def stack(cls, rows: Sequence[Floats | str], dim: int) -> Encoded:
        """A vector for each item, or the words for why there is none.

        >>> Encoded.stack([np.ones(2, np.float32), "is broken"], 2).known
        array([ True, False])
        """
        known = np.array([not isinstance(row, str) for row in rows], np.bool_)
        vectors = np.zeros((len(rows), dim), np.float32)
        for place, row in enumerate(rows):
            if not isinstance(row, str):
                vectors[place] = row
        return cls(vectors, known, Counter(row for row in rows if isinstance(row, str)))

    def __len__(self) -> int:
        return len(self.known)
