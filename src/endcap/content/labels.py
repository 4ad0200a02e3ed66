"""Words that an encoder has learned, as an array: a state holds nothing else."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray


def packed(words: Any) -> NDArray[np.uint8]:
    """Lists and objects of words and numbers as the bytes of their JSON.

    >>> unpacked(packed({"colour": ["红", "blue"]}))
    {'colour': ['红', 'blue']}
    """
    return np.frombuffer(json.dumps(words, ensure_ascii=False).encode(), np.uint8)


def unpacked(array: NDArray[Any]) -> Any:
    return json.loads(array.tobytes())
