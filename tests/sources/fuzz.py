"""Files made of the samples by changing them, guided by which lines of the readers they reach.

    make fuzz SECONDS=600

An import must end well or with an error of ours, soon, and in little memory. What does not is
written to `build/fuzz/crash-…`: run `python -m tests.sources.fuzz build/fuzz/crash-…` to see it.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["endcap.importing", "endcap.sources"]):
    from endcap.errors import EndcapError
    from endcap.importing.workspace import Workspace, workspace
    from endcap.sources import Wanted, _import, sources

    sources()

from endcap.types import silent
from tests.sources.samples import DATA
from tests.sources.test_hostile import events

FOUND = Path("build/fuzz")
LIMITS = ("-timeout=30", "-rss_limit_mb=3000", "-max_len=65536", f"-artifact_prefix={FOUND}/")


def one(content: bytes, work: Workspace) -> None:
    """A dry run in a workspace that is kept: eight times as quick as a whole import."""
    path = work.folder.parent.with_name("file")
    path.write_bytes(content)
    with contextlib.suppress(EndcapError):
        _import(work.folder.parent, work, str(path), Wanted(dry_run=True), silent)
    work.clear(keep="no table")


def main() -> None:
    """Arguments: those of libFuzzer, or files to try."""
    seeds = FOUND / "seeds"
    shutil.rmtree(seeds, ignore_errors=True)
    seeds.mkdir(parents=True)
    events(seeds / "parquet", 50)
    for path in DATA.iterdir():
        shutil.copy(path, seeds)
    given = sys.argv[1:]
    own = [] if given and not given[0].startswith("-") else [str(seeds)]
    with tempfile.TemporaryDirectory() as folder, workspace(Path(folder) / "tables") as work:
        atheris.Setup([sys.argv[0], *LIMITS, *given, *own], lambda content: one(content, work))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
