"""RecTools' SASRec with its softmax over all items; runs under build/peers/rectools.

The size of the network is ours; all else is RecTools' default (batches of 128 users, each
padded to the full length; Adam with 0.001; dropout 0.2).
"""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pytorch_lightning import Callback, Trainer, seed_everything
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import SASRecModel
from rectools.models.nn.transformers.data_preparator import SequenceDataset
from rectools.models.nn.transformers.sasrec import SASRecDataPreparator
from torch.utils.data import DataLoader

from benchmarks.peers.alike import Alike, longest
from benchmarks.peers.curve import SEED, SHAPE, Given, follow
from benchmarks.peers.sequences import LONGEST, VALIDATION, Sequences


class Unpadded(SASRecDataPreparator):  # type: ignore[misc]
    """The same users in other batches, without what pads them."""

    def get_dataloader_train(self) -> DataLoader[Any]:
        users = SequenceDataset.from_interactions(self.train_dataset.interactions.df)
        lengths = np.array([len(sequence) for sequence in users.sessions])
        batches = Alike(lengths, self.batch_size)
        return DataLoader(users, batch_sampler=batches, collate_fn=self._collated)

    def _collated(self, batch: list[Any]) -> dict[str, torch.Tensor]:
        columns = self._collate_fn_train(batch)
        length = longest(columns["x"])
        return {name: column[:, -length:] for name, column in columns.items()}


class Watch(Callback):  # type: ignore[misc]
    """The seconds that the last epoch took, or would have taken as a whole."""

    def on_train_epoch_start(self, *_: Any) -> None:
        self.began = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, *_: Any) -> None:
        seconds = time.perf_counter() - self.began
        self.seconds = seconds * len(trainer.train_dataloader) / trainer.num_training_batches


class RecTools:
    """RecTools' own data set, model and trainer, an epoch at a time."""

    def __init__(self, sequences: Sequences, given: Given) -> None:
        self.sequences, self.share = sequences, given.share
        self.training = _dataset(sequences.before(VALIDATION))
        seed_everything(SEED)
        self.model = SASRecModel(
            n_factors=SHAPE.width,
            n_blocks=SHAPE.layers,
            n_heads=SHAPE.heads,
            session_max_len=SHAPE.length,
            loss="softmax",
            **_alike(given.batch) if given.batch else {},
        )

    def epoch(self) -> float:
        if not self.model.is_fitted:
            self.model._trainer = _trainer(self.share)
        self.model.fit_partial(self.training, min_epochs=1, max_epochs=1)
        watch = next(one for one in self.model.fit_trainer.callbacks if isinstance(one, Watch))
        return float(watch.seconds)

    def lists(self, part: int) -> NDArray[Any]:
        users, _ = self.sequences.asked(part)
        history = _dataset(self.sequences.before(part))
        found = self.model.recommend(users, history, k=LONGEST, filter_viewed=True)
        lists = np.full((len(users), LONGEST), -1)
        rows = np.searchsorted(users, found[Columns.User])
        lists[rows, found[Columns.Rank] - 1] = found[Columns.Item]
        return lists

    def save(self, path: Path) -> None:
        self.model.fit_trainer.save_checkpoint(path)

    def load(self, path: Path) -> None:
        self.model = SASRecModel.load_from_checkpoint(path)
        self.model.fit_trainer.limit_train_batches = self.share
        self.model.fit_trainer.callbacks.append(Watch())


def _alike(batch: int) -> dict[str, Any]:
    # By default what pads is not masked, so that it counts, and training has to see it too.
    masked = {"use_key_padding_mask": True}
    return {"batch_size": batch, "data_preparator_type": Unpadded, **masked}


def _trainer(share: float) -> Trainer:
    return Trainer(
        limit_train_batches=share,
        accelerator="cpu",
        devices=1,
        callbacks=[Watch()],
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        logger=False,
    )


def _dataset(events: Sequences) -> Dataset:
    frame = {
        Columns.User: events.user,
        Columns.Item: events.item,
        Columns.Weight: 1.0,
        Columns.Datetime: pd.to_datetime(np.arange(len(events.user)), unit="s"),
    }
    return Dataset.construct(pd.DataFrame(frame))


def main() -> None:
    given = Given.read()
    # Both peers' libraries are older than pandas' and torch's newest notices.
    warnings.simplefilter("ignore")
    sequences = Sequences.load(given.sequences)
    follow(RecTools(sequences, given), sequences, given)


if __name__ == "__main__":
    main()
