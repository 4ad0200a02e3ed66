"""Where a training stands: written after each epoch and, in a long one, every few minutes, so
that a killed one goes on."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from endcap.nn import processes
from endcap.tables.atomic import replace, sync

NAMES = ("network", "mean", "best", "optimizer")

PAUSE = 300.0
"""Seconds between two checkpoints within an epoch: little work to lose, and little to write."""


@dataclass
class Place:
    """Where a training stands.

    epoch: whole epochs that are done.
    step, total: steps that are done of the next one, and the sum of their losses.
    first: the loss of the very first step.
    best_epoch, best_score: the best epoch so far; no score where nobody judges.
    """

    epoch: int = 0
    step: int = 0
    total: float = 0.0
    first: float | None = None
    best_epoch: int = 0
    best_score: float | None = None

    @property
    def loss(self) -> float:
        """The mean over the steps of the epoch."""
        return self.total / max(self.step, 1)


class Checkpoint:
    """Weights, their running mean, the best mean so far, and the optimiser's moments.

    With no folder, all of it lives in memory only. Of several processes all read, one writes.
    """

    def __init__(
        self,
        folder: Path | None,
        network: nn.Module,
        mean: torch.optim.swa_utils.AveragedModel,
        optimizer: torch.optim.Optimizer,
    ) -> None:
        self.folder, self.network, self.mean, self.optimizer = folder, network, mean, optimizer
        self.place = Place()
        self.best: dict[str, Tensor] = {}
        self._files, self._written = dict[str, str](), time.monotonic()
        if folder is not None and (folder / "progress.json").is_file():
            try:
                self._load(folder)
            except (OSError, ValueError, TypeError, SafetensorError):
                # A power cut may leave half a file: then the training begins anew.
                shutil.rmtree(folder, ignore_errors=True)

    @property
    def note(self) -> str:
        """What a line of progress says of the best epoch so far."""
        if self.place.best_score is None:
            return ""
        return f", best {self.place.best_score:.4f} after {self.place.best_epoch}"

    def done(self, epochs: int, patience: int) -> bool:
        return self.place.epoch >= min(epochs, self.place.best_epoch + patience)

    def finish_step(self, loss: float) -> None:
        self.place.step += 1
        self.place.total += loss
        if time.monotonic() - self._written >= PAUSE:
            self._save()

    def finish_epoch(self, score: float | None) -> None:
        """Where nobody judges, the newest epoch is the best."""
        at = self.place
        at.epoch, at.step, at.total = at.epoch + 1, 0, 0.0
        if score is None or at.best_score is None or score > at.best_score:
            at.best_score, at.best_epoch = score, at.epoch
            self.best = {k: v.clone() for k, v in self.mean.module.state_dict().items()}
        self._save()

    def restore_best(self) -> None:
        """Put the best mean into `mean`."""
        if self.best:
            self.mean.module.load_state_dict(self.best)

    def _save(self) -> None:
        """New files of tensors, then the note that names them: never half a checkpoint."""
        if self.folder is None or processes.rank():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        files = _files(self.place)
        try:
            self._write(self.folder, files)
            self._files, self._written = files, time.monotonic()
        finally:  # on a full disk too
            for path in self.folder.glob("*.safetensors"):
                if path.name not in self._files.values():
                    path.unlink()

    def _write(self, folder: Path, files: dict[str, str]) -> None:
        parts = {
            "network": self.network.state_dict(),
            "mean": self.mean.state_dict(),
            "best": self.best,
            "optimizer": self._moments(),
        }
        for name, tensors in parts.items():
            save_file(tensors, folder / files[name])
            sync(folder / files[name])
        replace(folder / "progress.json", json.dumps(asdict(self.place)))

    def _load(self, folder: Path) -> None:
        place = Place(**json.loads((folder / "progress.json").read_text()))
        read = {name: load_file(folder / file) for name, file in _files(place).items()}
        self.network.load_state_dict(read["network"])
        self.mean.load_state_dict(read["mean"])
        self.best, self.place, self._files = read["best"], place, _files(place)
        self._set_moments(read["optimizer"])

    def _moments(self) -> dict[str, Tensor]:
        state = self.optimizer.state_dict()["state"]
        return {f"{i}.{key}": value for i, values in state.items() for key, value in values.items()}

    def _set_moments(self, moments: dict[str, Tensor]) -> None:
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in moments.items():
            i, key = name.split(".", 1)
            state.setdefault(int(i), {})[key] = value
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})


def _files(place: Place) -> dict[str, str]:
    return {name: f"{name}-{place.epoch}-{place.step}.safetensors" for name in NAMES}
