"""TensorBoard: a folder that `tensorboard --logdir` shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from endcap.types import Floats

PROJECTOR = """\
embeddings {
  tensor_name: "vectors"
  tensor_path: "vectors.tsv"
  metadata_path: "labels.tsv"
}
"""


class TensorBoard:
    """Scalars, settings under TEXT and HPARAMS, vectors under PROJECTOR."""

    def __init__(self, folder: Path, settings: Mapping[str, Any], steps: int) -> None:
        """steps: beyond which what the folder holds is no longer so."""
        from torch.utils.tensorboard import SummaryWriter  # 1.6 s, so only where it is wanted

        self._folder = folder
        self._writer: Any = SummaryWriter(str(folder), purge_step=steps + 1)
        self._end = self._begin({name: _plain(value) for name, value in settings.items()})

    def _begin(self, settings: Mapping[str, bool | float | str]) -> Any:
        """Show the settings; returns what says that the run has ended well.

        `add_hparams` would put them into a run of their own, apart from the curves.
        """
        from torch.utils.tensorboard.summary import hparams

        rows = "".join(f"| {name} | {value} |\n" for name, value in settings.items())
        self._writer.add_text("settings", f"| setting | value |\n|---|---|\n{rows}")
        metrics = {"judged": 0.0, "loss": 0.0}
        *begin, end = hparams(dict(settings), metrics)  # type: ignore[no-untyped-call]
        for summary in begin:
            self._writer.file_writer.add_summary(summary)
        return end

    def numbers(self, axis: Literal["epoch", "step"], at: int, **numbers: float) -> None:
        for name, number in numbers.items():
            self._writer.add_scalar(name if axis == "epoch" else f"step/{name}", number, at)
        if axis == "epoch":
            self._writer.flush()

    def vectors(self, vectors: Floats, labels: Mapping[str, list[str]]) -> None:
        np.savetxt(self._folder / "vectors.tsv", vectors, "%.5g", "\t")
        rows = [labels.keys(), *zip(*labels.values(), strict=True)]
        text = "".join("\t".join(row) + "\n" for row in rows)
        (self._folder / "labels.tsv").write_text(text, encoding="utf-8")
        (self._folder / "projector_config.pbtxt").write_text(PROJECTOR)

    def close(self, *, failed: bool) -> None:
        if not failed:
            self._writer.file_writer.add_summary(self._end)
        self._writer.close()


def _plain(value: Any) -> bool | float | str:
    """What HPARAMS can hold."""
    return value if isinstance(value, bool | int | float | str) else json.dumps(value)
