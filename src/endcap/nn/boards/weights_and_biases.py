"""Weights & Biases: an account or, with WANDB_MODE=offline, a folder to send later."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from endcap.errors import ConfigError
from endcap.types import Floats


class WeightsAndBiases:
    """A run of the project, in the group of the fit, named by the stage."""

    def __init__(self, project: str, folder: Path, settings: Mapping[str, Any]) -> None:
        """folder: ends in the names of fit and stage."""
        import wandb

        self._table = wandb.Table
        try:
            self._run = wandb.init(
                project=project,
                group=folder.parent.name,
                name=folder.name,
                dir=folder,
                config=dict(settings),
                settings=wandb.Settings(quiet=True, console="off"),
            )
            for axis in ("epoch", "step"):
                self._run.define_metric(f"{axis}/*", step_metric=axis)
        except wandb.Error as error:
            raise ConfigError(
                f"track.wandb = {project!r}: {error}",
                mend="Run `wandb login`, or set WANDB_MODE=offline and `wandb sync` later",
            ) from error

    def numbers(self, axis: Literal["epoch", "step"], at: int, **numbers: float) -> None:
        self._run.log({axis: at, **{f"{axis}/{name}": value for name, value in numbers.items()}})

    def vectors(self, vectors: Floats, labels: Mapping[str, list[str]]) -> None:
        numbers = [f"v{place}" for place in range(vectors.shape[1])]
        texts = zip(*labels.values(), strict=True)
        rows: list[Any] = [(*text, *row) for text, row in zip(texts, vectors.tolist(), strict=True)]
        self._run.log({"vectors": self._table([*labels, *numbers], rows)})

    def close(self, *, failed: bool) -> None:
        self._run.finish(exit_code=int(failed))
