"""How much memory a fit needs, known before it starts, and what to do where it is too much."""

from __future__ import annotations

from endcap.config import Config
from endcap.errors import TrainingError
from endcap.tables.dataset import Dataset

PROGRAM = 900 << 20
"""Bytes of Python, torch and the ranker's lessons: what a fit of a small shop takes."""

EVENT = 130
"""Bytes of an event: its columns, those of the part that is learned from, and what is sorted."""

COPIES = 8
"""How often a network holds its table of items: weights, gradients, two moments of AdamW, their
mean, the best so far, and what is being written."""

SCORES = 2 * 256 * 4
"""Bytes of an item while lists are made: two blocks of scores for 256 questions."""


def needed(config: Config, events: int, items: int) -> int:
    """Bytes of a budget that a fit can keep. It errs on the large side."""
    dims = [int(stage.own.get("dim", 64)) for stage in config.retrievers.values()]
    return PROGRAM + EVENT * events + items * (COPIES * 4 * max(dims, default=64) + SCORES)


def check_memory(config: Config, dataset: Dataset) -> None:
    """Raises TrainingError where the budget is too small for the fit."""
    given = config.resources.bytes
    least = needed(config, len(dataset), len(dataset.catalogue))
    if given and given < least:
        raise TrainingError(
            f"[resources] memory = {config.resources.memory!r} is too little for this fit, which "
            f"takes about {least / 1e9:.1f} GB",
            mend="Raise it, lower `dim` of the networks, or leave out items that nobody sees",
        )
