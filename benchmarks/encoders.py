"""How fast each encoder is, on synthetic content.

    python -m benchmarks.encoders

Each runs in a process of its own, whose peak memory is told; loading the model is timed too,
since a catalogue is encoded once. Nothing is kept between runs. What is not installed is left out.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.child import run
from benchmarks.markdown import table

COUNTS: Mapping[str, tuple[str, int]] = {
    "attributes:Attributes": ("titles", 10_000),
    "price:Price": ("titles", 10_000),
    "graph:Graph": ("titles", 10_000),
    "text_hashing:TextHashing": ("titles", 10_000),
    "text_english:TextEnglish": ("titles", 10_000),
    "text_multilingual:TextMultilingual": ("titles", 10_000),
    "image:Image": ("images", 1_000),
    "audio:Audio": ("sounds of 5 s", 200),
    "voice:Voice": ("sounds of 5 s", 200),
    "video:Video": ("videos of 4 s", 50),
}
"""What each encoder is given, and how much of it."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--only", nargs="*", help="names of encoders")
    arguments.add_argument("--threads", type=int, help="as the machine has cores where not given")
    arguments.add_argument(
        "--share", type=float, default=1.0, help="of all items, for a quick look"
    )
    arguments.add_argument("--measure", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure, Path.cwd(), given.share)))
        return
    chosen = [name for name in COUNTS if not given.only or name.split(":")[0] in given.only]
    with tempfile.TemporaryDirectory() as folder:
        rows = [line(name, Path(folder), given.threads, given.share) for name in chosen]
    print(table(["encoder", "items", "items/s", "fit, s", "encode, s", "peak, GB"], rows))


def line(name: str, folder: Path, threads: int | None, share: float) -> list[str]:
    """A row of the table."""
    log = folder / name.split(":")[0] / "log.txt"
    command = [sys.executable, "-m", "benchmarks.encoders", "--measure", name, "--share", share]
    spent = run(command, log, threads)
    told = json.loads(spent.output)
    kind = f"{told['items']:,} {COUNTS[name][0]}" if told["items"] else told["why"]
    speed = told["items"] / told["encode"] if told["items"] else 0.0
    figures = [f"{speed:,.0f}", f"{told['fit']:.1f}", f"{told['encode']:.1f}"]
    return [name.split(":")[0], kind, *figures, f"{spent.peak / 1e9:.2f}"]


def measure(name: str, folder: Path, share: float) -> dict[str, Any]:
    """In the process of the encoder: seconds of fit and of encoding."""
    from benchmarks.contents import content
    from endcap.class_paths import import_class
    from endcap.errors import ConfigError
    from endcap.stages import Encoder, Run

    cls = import_class(Encoder, f"endcap.encoders.{name}", "benchmark")
    known = {"folder": str(folder)} if "folder" in cls.settings_type.model_fields else {}
    settings = cls.settings_type.model_validate(known)
    try:
        cls.check(settings, "benchmark")
    except ConfigError as error:
        return {"items": 0, "why": str(error), "fit": 0.0, "encode": 0.0}
    kind, count = COUNTS[name]
    catalogue = content(kind.split()[0], int(count * share), folder)
    began = time.perf_counter()
    model = cls.fit(settings, catalogue, Run())
    fitted = time.perf_counter()
    encoded = model.encode(catalogue)
    ended = time.perf_counter()
    items = int(encoded.known.sum())
    return {"items": items, "fit": fitted - began, "encode": ended - fitted}


if __name__ == "__main__":
    main()
