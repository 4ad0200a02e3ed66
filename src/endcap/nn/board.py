"""TensorBoard: a curve for each number of each epoch."""

from __future__ import annotations

from pathlib import Path


class Board:
    """Writes into a folder; without one it writes nothing."""

    def __init__(self, folder: Path | None) -> None:
        if folder is None:
            self._writer = None
            return
        from torch.utils.tensorboard import SummaryWriter  # 1.6 s, so only where it is wanted

        self._writer = SummaryWriter(str(folder))

    def write(self, epoch: int, **numbers: float) -> None:
        if self._writer is not None:
            for name, number in numbers.items():
                self._writer.add_scalar(name, number, epoch)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
