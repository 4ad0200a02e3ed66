"""RecBole's SASRec with its cross-entropy over all items; runs under build/peers/recbole.

The size of the network is ours; all else is RecBole's default (batches of 2,048 prefixes,
each padded to the full length; Adam with 0.001; dropout 0.5).
"""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.data.interaction import Interaction
from recbole.model.sequential_recommender import SASRec
from recbole.trainer import Trainer
from recbole.utils import init_seed
from torch.utils.data import DataLoader

from benchmarks.peers.alike import Alike, longest
from benchmarks.peers.curve import SEED, SHAPE, Given, follow
from benchmarks.peers.sequences import LONGEST, Codes, Sequences

NAME = "events"

BATCH = 256
"""Users who are judged at once."""


class RecBole:
    """RecBole's own data set, model and trainer, an epoch at a time."""

    def __init__(self, sequences: Sequences, given: Given) -> None:
        self.sequences, self.share = sequences, given.share
        config = _config(_write(sequences, given.folder))
        init_seed(SEED, reproducibility=True)
        dataset = create_dataset(config)
        self.training, *_ = data_preparation(config, dataset)
        if given.batch:
            self.training = _alike(self.training, given.batch)
        tokens = [str(code) for code in range(int(sequences.item.max()) + 1)]
        self.codes = np.array(dataset.token2id(dataset.iid_field, np.array(tokens)))
        self.model = SASRec(config, dataset)
        self.trainer, self.epochs = Trainer(config, self.model), 0

    def epoch(self) -> float:
        batches = max(1, round(self.share * len(self.training)))
        data = itertools.islice(self.training, batches)
        began = time.perf_counter()
        self.trainer._train_epoch(data, self.epochs)
        self.epochs += 1
        return (time.perf_counter() - began) * len(self.training) / batches

    @torch.no_grad()
    def lists(self, part: int) -> NDArray[Any]:
        self.model.eval()
        histories = self.sequences.histories(part)
        starts = range(0, len(histories), BATCH)
        return np.concatenate([self._lists(histories[start : start + BATCH]) for start in starts])

    def _lists(self, histories: list[Codes]) -> NDArray[Any]:
        lengths = [min(len(history), SHAPE.length) for history in histories]
        newest = torch.zeros(len(histories), SHAPE.length, dtype=torch.long)
        for row, (history, length) in enumerate(zip(histories, lengths, strict=True)):
            newest[row, :length] = torch.from_numpy(self.codes[history[-length:]])
        asked = Interaction({"item_id_list": newest, "item_length": torch.tensor(lengths)})
        scores = self.model.full_sort_predict(asked)[:, self.codes]
        for row, history in enumerate(histories):
            scores[row, history] = -torch.inf
        lists: NDArray[Any] = scores.topk(LONGEST).indices.numpy()
        return lists

    def save(self, path: Path) -> None:
        parts = (self.model.state_dict(), self.trainer.optimizer.state_dict(), self.epochs)
        torch.save(parts, path)

    def load(self, path: Path) -> None:
        weights, moments, self.epochs = torch.load(path)
        self.model.load_state_dict(weights)
        self.trainer.optimizer.load_state_dict(moments)


def _alike(training: Any, batch: int) -> DataLoader[Any]:
    """The same prefixes in other batches, without what pads them."""

    def collated(rows: list[int]) -> Interaction:
        samples = training.collate_fn(rows)
        items = samples["item_id_list"]
        samples.update(Interaction({"item_id_list": items[:, : longest(items)]}))
        return samples

    lengths = training._dataset.inter_feat["item_length"].numpy()
    batches = Alike(lengths, batch)
    rows: Any = range(len(lengths))
    return DataLoader(rows, batch_sampler=batches, collate_fn=collated)


def _write(sequences: Sequences, folder: Path) -> Path:
    """The events as RecBole reads them: an atomic file in a folder of its name."""
    path = folder / NAME / f"{NAME}.inter"
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = (sequences.user, sequences.item, np.arange(len(sequences.user)))
    header = "user_id:token\titem_id:token\ttimestamp:float"
    np.savetxt(path, np.stack(columns, axis=1), "%d", "\t", header=header, comments="")
    return folder


def _config(folder: Path) -> Config:
    settings = {
        "data_path": str(folder),
        "checkpoint_dir": str(folder),
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
        "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"},
        "train_neg_sample_args": None,
        "loss_type": "CE",
        "hidden_size": SHAPE.width,
        "inner_size": 4 * SHAPE.width,
        "n_layers": SHAPE.layers,
        "n_heads": SHAPE.heads,
        "MAX_ITEM_LIST_LENGTH": SHAPE.length,
        "use_gpu": False,
        "seed": SEED,
        "show_progress": False,
        "state": "WARNING",
    }
    return Config(model="SASRec", dataset=NAME, config_dict=settings)


def main() -> None:
    given = Given.read()
    sequences = Sequences.load(given.sequences)
    follow(RecBole(sequences, given), sequences, given)


if __name__ == "__main__":
    main()
