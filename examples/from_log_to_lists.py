"""From a log to lists, without the command line: what does Endcap do when I call it from Python?

    python examples/from_log_to_lists.py

A made-up tea shop: who buys a tea comes back for the next one on the shelf.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from endcap.config import Shop
from endcap.experiment.batch import recommend, similar
from endcap.experiment.fit import fit
from endcap.experiment.gate import promote
from endcap.sources import import_file
from endcap.tables.prepare import prepare

TEAS = ["Assam", "Darjeeling", "Earl Grey", "Sencha", "Matcha", "Oolong", "Pu-erh", "龙井"]
START, DAY = 1_700_000_000, 86_400


def write_log(path: Path) -> None:
    """Eighty shoppers, a tea a day for six days, in the order of the shelf."""
    chance = random.Random(1)  # noqa: S311 (a made-up shop needs no secrets)
    lines = ["user_id,item_id,timestamp"]
    for shopper in range(80):
        first = chance.randrange(len(TEAS))
        for day in range(6):
            tea = TEAS[(first + day) % len(TEAS)]
            lines.append(f"shopper {shopper},{tea},{START + day * DAY + shopper}")
    path.write_text("\n".join(lines), encoding="utf-8")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.csv"
        write_log(log)
        quick = ["retrievers.sequence.epochs=3", "retrievers.sequence.dim=16"]
        shop = Shop.open(Path(folder), quick)
        import_file(shop.tables, str(log))
        prepare(shop)
        release = fit(shop)["release"]
        promote(shop, release, force=True)
        for row in recommend(shop, ["shopper 1", "someone new"], 3).to_pylist():
            print(f"{row['user_id']:12} {row['rank']}  {row['item_id']}")
        print("With Sencha go", similar(shop, "Sencha", 3)["item_id"].to_pylist())


if __name__ == "__main__":
    main()
