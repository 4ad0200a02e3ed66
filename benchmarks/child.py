"""A command in a process of its own: what it answered, how long it took, and its peak memory.

The one who measures stays small and loads no library: Linux counts the memory of a process from
that of the one that started it.
"""

from __future__ import annotations

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
    with log.open("w") as errors, answer.open("w") as output:
        process = subprocess.Popen(  # noqa: S603
            list(map(str, command)), stdout=output, stderr=errors, env=environment, cwd=log.parent
        )
        _, status, used = os.wait4(process.pid, 0)
    code = process.returncode = os.waitstatus_to_exitcode(status)
    if code:
        lines = log.read_text(errors="replace").splitlines()[-TAIL:]
        raise ChildProcessError("\n".join([*lines, f"{command} ended with {code}; see {log}"]))
    cpu = used.ru_utime + used.ru_stime
    return Spent(answer.read_text(), time.monotonic() - began, used.ru_maxrss * 1024, cpu)


def _path() -> str:
    return os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
