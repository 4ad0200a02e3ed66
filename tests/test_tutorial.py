"""The tutorial works to the last line, as it is printed."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import blocks

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]

HOLD = "set -e\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n"
"""The first command that fails ends it, and with it the service."""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What all of its commands print, one after the other."""
    commands = "".join(blocks("tutorial.md", "sh"))
    script = HOLD + "set -m\n" + commands.replace("8765", str(free_port()))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    bash = shutil.which("bash")
    if bash is None or shutil.which("curl") is None:
        pytest.skip("the tutorial asks its service by curl, from bash")
    done = subprocess.run(  # noqa: S603
        [bash, "-c", script],
        cwd=tmp_path_factory.mktemp("tutorial"),
        env={**os.environ, "PATH": path, "ENDCAP": str(ROOT), "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-4_000:]
    return done.stdout


PROMISES = {
    "the catalogue is recognised": r"products\.csv: 45 items kept",
    "nothing counts twice": r"duplicates +14,928",
    "the first release goes live": r"Live: it beats the baselines",
    "what goes with matcha is green": r"Genmaicha +T004",
    "why it is not shown": r"It is not shown: it stands at place \d+",
    "an event is accepted": r'"accepted":1',
    "a click has an effect, with a reason": r'"reason":\{"kind":"because"',
    "a model of one's own is judged": r"favourites +0\.\d+",
    "who is forgotten has a certificate": r"Certificate [0-9a-f]+",
}


@pytest.mark.parametrize("line", PROMISES.values(), ids=PROMISES)
def test_it_shows_what_it_promises(said: str, line: str) -> None:
    assert re.search(line, said), said[-4_000:]


def test_the_service_takes_what_goes_live(said: str) -> None:
    assert "stays what it is" not in said
