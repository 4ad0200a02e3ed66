"""The events of a file, cleaned by Endcap, as the sequences that all systems learn from.

    python -m benchmarks.peers.events EVENTS.parquet SHOP

Makes a shop of that folder, and in it `sequences.npz`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.peers.sequences import Sequences
from endcap.config import FILE, Shop
from endcap.sources import import_file
from endcap.tables.dataset import Dataset
from endcap.tables.parts import Part
from endcap.tables.prepare import prepare, prepared


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("events", type=Path)
    arguments.add_argument("shop", type=Path)
    given = arguments.parse_args()
    given.shop.mkdir(parents=True, exist_ok=True)
    (given.shop / FILE).write_text('[split]\nprotocol = "leave-one-out"\n')
    shop = Shop.open(given.shop)
    import_file(shop.tables, str(given.events))
    prepare(shop)
    sequences = _sequences(Dataset.load(prepared(shop)))
    sequences.save(given.shop / "sequences.npz")
    print(sequences.positions)


def _sequences(dataset: Dataset) -> Sequences:
    part = (dataset.part >= Part.VALIDATION).astype(int) + (dataset.part >= Part.TEST)
    return Sequences(dataset.user.astype(int), dataset.item.astype(int), part)


if __name__ == "__main__":
    main()
