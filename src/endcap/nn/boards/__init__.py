"""Where people watch a training: its settings, its curves, and what it made of the items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol, Self

from endcap.nn import processes
from endcap.nn.boards.shown import Shown
from endcap.nn.boards.tensorboard import TensorBoard
from endcap.nn.boards.weights_and_biases import WeightsAndBiases
from endcap.stages import Run
from endcap.types import Floats

__all__ = ["Board", "Boards", "Shown"]


class Board(Protocol):
    """One place to watch it; made with the settings by their names."""

    def numbers(self, axis: Literal["epoch", "step"], at: int, **numbers: float) -> None:
        """Points of curves; `at` counts from 1."""

    def vectors(self, vectors: Floats, labels: Mapping[str, list[str]]) -> None:
        """[rows, dim], and columns of a text for each row."""

    def close(self, *, failed: bool) -> None: ...


class Boards:
    """All the places that a run names; of several processes, the first writes."""

    def __init__(self, run: Run, settings: Mapping[str, Any], steps: int) -> None:
        """steps: that are done. Curves beyond them are of a run that was killed."""
        self._boards: list[Board] = []
        if run.curves is None or processes.rank():
            return
        self._boards.append(TensorBoard(run.curves, settings, steps))
        if run.project:
            self._boards.append(WeightsAndBiases(run.project, run.curves, settings))

    def numbers(self, axis: Literal["epoch", "step"], at: int, **numbers: float) -> None:
        for board in self._boards:
            board.numbers(axis, at, **numbers)

    def vectors(self, vectors: Floats, labels: Mapping[str, list[str]]) -> None:
        for board in self._boards:
            board.vectors(vectors, labels)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for board in self._boards:
            board.close(failed=kind is not None)
