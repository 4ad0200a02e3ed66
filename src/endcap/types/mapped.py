"""Arrays of a safetensors file, where they lie in it."""

from __future__ import annotations

import json
import struct
from mmap import ACCESS_COPY, mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LENGTH = struct.Struct("<Q")
"""What a file begins with: the bytes of its head, JSON that says where each array is."""

TYPES = {
    "BOOL": "?",
    "U8": "u1",
    "U16": "<u2",
    "U32": "<u4",
    "U64": "<u8",
    "I8": "i1",
    "I16": "<i2",
    "I32": "<i4",
    "I64": "<i8",
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
}


def mapped(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays by their names. However many processes read them, they are in memory once; who
    writes into one has, from then on, those pages for itself.

    Raises OSError, ValueError, KeyError or TypeError where it is not such a file.
    """
    with path.open("rb") as file:
        whole = mmap(file.fileno(), 0, access=ACCESS_COPY)
    if len(whole) < LENGTH.size:
        raise ValueError(f"{path} is too short")
    first = LENGTH.size + LENGTH.unpack_from(whole)[0]
    told = json.loads(whole[LENGTH.size : first])
    if not isinstance(told, dict):
        raise ValueError(f"{path} does not say where its arrays are")
    return {
        name: np.ndarray(one["shape"], TYPES[one["dtype"]], whole, first + one["data_offsets"][0])
        for name, one in told.items()
        if name != "__metadata__"
    }
