"""A command in a process of its own: what it answered, how long it took, and its peak memory.

Linux counts the memory of a process from that of the one that started it. So a small one does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
"""Of the repository, where Python finds `benchmarks`."""

ENDCAP = Path(sys.executable).with_name("endcap")

STARTER = """
import json, os, sys
from pathlib import Path
_, status, used = os.wait4(os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ), 0)
told = os.waitstatus_to_exitcode(status), used.ru_maxrss, used.ru_utime + used.ru_stime
Path(sys.argv[1]).write_text(json.dumps(told))
"""
"""Starts the command behind the name of a file, and writes there how it ended, its peak memory in
kilobytes, and the seconds of processors that it took."""

TAIL = 20
"""Lines of a failed command's log that are shown."""


@dataclass(frozen=True)
class Spent:
    """output: what it wrote to standard output; seconds: by the clock; peak: bytes of memory;
    cpu: seconds of processors, which other work on the machine hardly changes."""

    output: str
    seconds: float
    peak: int
    cpu: float = 0.0


def run(command: Sequence[object], log: Path, threads: int | None = None) -> Spent:
    """Run a command to its end.

    log: where its standard error goes; it is run in that folder, so its paths must be absolute.
    threads: of OpenMP; as the machine has cores where not given. Raises ChildProcessError where
    the command fails, with the end of its log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": _path()}
    if threads is not None:
        environment["OMP_NUM_THREADS"] = str(threads)
    answer, began = log.with_suffix(".out"), time.monotonic()
    told = log.with_suffix(".spent")
    starting = [sys.executable, "-S", "-c", STARTER, told, *command]
    with log.open("w") as errors, answer.open("w") as output:
        subprocess.run(  # noqa: S603
            list(map(str, starting)),
            stdout=output,
            stderr=errors,
            env=environment,
            cwd=log.parent,
            check=True,
        )
    code, peak, cpu = json.loads(told.read_text())
    if code:
        lines = log.read_text(errors="replace").splitlines()[-TAIL:]
        raise ChildProcessError("\n".join([*lines, f"{command} ended with {code}; see {log}"]))
    return Spent(answer.read_text(), time.monotonic() - began, peak * 1024, cpu)


def _path() -> str:
    return os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
