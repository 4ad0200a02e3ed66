"""Where a training stands: written after each epoch, so that a killed one goes on."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

NAMES = ("network", "mean", "best", "optimizer")


class Checkpoint:
    """Weights, their running mean, the best mean so far, and the optimiser's moments.

    With no folder, all of it lives in memory only.
    """

    def __init__(
        self,
        folder: Path | None,
        network: nn.Module,
        mean: torch.optim.swa_utils.AveragedModel,
        optimizer: torch.optim.Optimizer,
    ) -> None:
        self.folder, self.network, self.mean, self.optimizer = folder, network, mean, optimizer
        self.epoch, self.best_epoch = 0, 0
        self.best_score: float | None = None
        self.best: dict[str, Tensor] = {}
        if folder is not None and (folder / "progress.json").is_file():
            # A power cut may leave half a file: then the training begins anew.
            with suppress(OSError, ValueError, SafetensorError):
                self._load(folder)

    @property
    def note(self) -> str:
        """What a line of progress says of the best epoch so far."""
        if self.best_score is None:
            return ""
        return f", best {self.best_score:.4f} after {self.best_epoch}"

    def done(self, epochs: int, patience: int) -> bool:
        return self.epoch >= epochs or self.epoch - self.best_epoch >= patience

    def finish_epoch(self, score: float | None) -> None:
        """Write where the training stands. Where nobody judges, the newest epoch is the best."""
        self.epoch += 1
        if score is None or self.best_score is None or score > self.best_score:
            self.best_score, self.best_epoch = score, self.epoch
            self.best = {k: v.clone() for k, v in self.mean.module.state_dict().items()}
        if self.folder is not None:
            self._save(self.folder)

    def restore_best(self) -> None:
        """Put the best mean into `mean`."""
        if self.best:
            self.mean.module.load_state_dict(self.best)

    def _save(self, folder: Path) -> None:
        """A new folder of tensors, then the note that names it: never half a checkpoint."""
        folder.mkdir(parents=True, exist_ok=True)
        parts = {
            "network": self.network.state_dict(),
            "mean": self.mean.state_dict(),
            "best": self.best,
            "optimizer": self._moments(),
        }
        for name, tensors in parts.items():
            own = {key: tensor.clone() for key, tensor in tensors.items()}
            save_file(own, folder / f"{name}-{self.epoch}.safetensors")
        note = {"epoch": self.epoch, "best_epoch": self.best_epoch, "best_score": self.best_score}
        draft = folder / ".progress.json"
        draft.write_text(json.dumps(note))
        os.replace(draft, folder / "progress.json")
        for path in folder.glob("*.safetensors"):
            if not path.stem.endswith(f"-{self.epoch}"):
                path.unlink()

    def _load(self, folder: Path) -> None:
        note = json.loads((folder / "progress.json").read_text())
        read = {name: load_file(folder / f"{name}-{note['epoch']}.safetensors") for name in NAMES}
        self.epoch, self.best_epoch = note["epoch"], note["best_epoch"]
        self.best_score = note["best_score"]
        self.network.load_state_dict(read["network"])
        self.mean.load_state_dict(read["mean"])
        self.best = read["best"]
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
