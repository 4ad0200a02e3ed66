from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from endcap.serve import limits
from endcap.serve.limits import Buckets, Table


def test_a_bucket_empties_and_fills() -> None:
    now = 0.0
    buckets = Buckets(2.0, 3.0, Table(), clock=lambda: now)
    assert [buckets.take("ann") for _ in range(4)] == [0, 0, 0, 1]
    assert buckets.take("bob") == 0
    now = 0.5
    assert [buckets.take("ann") for _ in range(2)] == [0, 1]
    now = 100.0
    assert [buckets.take("ann") for _ in range(4)] == [0, 0, 0, 1]


def test_it_says_how_long_to_wait() -> None:
    buckets = Buckets(0.1, 1.0, Table(), clock=lambda: 0.0)
    assert [buckets.take("ann") for _ in range(2)] == [0, 10]


def test_buckets_of_two_names_are_two() -> None:
    table = Table()
    keys, addresses = (Buckets(0.1, 1.0, table, name) for name in ("key", "address"))
    assert [keys.take("a"), addresses.take("a")] == [0, 0]
    assert [keys.take("a"), addresses.take("a")] == [10, 10]


def test_those_who_stay_away_make_place(tmp_path: Path) -> None:
    """A million addresses fill no memory, and hide no one who keeps asking."""
    now = 0.0
    table = Table(tmp_path)
    buckets = Buckets(1e-9, 1.0, table, clock=lambda: now)
    assert buckets.take("ann") == 0
    for number in range(50_000):
        now += 1.0
        buckets.take(str(number))
        if not number % 1_000:
            assert buckets.take("ann") > 0
    assert (tmp_path / limits.FILE).stat().st_size == limits._SIZE
    table.close()


def test_what_was_counted_before_the_machine_started_means_nothing(tmp_path: Path) -> None:
    """Its clock begins anew."""
    now = 1_000.0
    buckets = Buckets(0.001, 1.0, Table(tmp_path), clock=lambda: now)
    assert [buckets.take("ann") for _ in range(2)] == [0, 1_000]
    now = 5.0
    assert [buckets.take("ann") for _ in range(2)] == [0, 1_000]


TAKE = """
import sys
from pathlib import Path
from endcap.serve.limits import Buckets, Table
buckets = Buckets(1e-9, 1_000.0, Table(Path(sys.argv[1])))
print(sum(buckets.take("ann") == 0 for _ in range(600)))
"""


def test_a_limit_holds_for_all_processes_together(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TAKE, str(tmp_path)]
    three = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
        for _ in range(3)
    ]
    assert sum(int(one.communicate()[0]) for one in three) == 1_000


def test_where_nothing_can_be_written_a_process_counts_on_its_own(tmp_path: Path) -> None:
    buckets = Buckets(0.1, 1.0, Table(tmp_path / "none"), clock=lambda: 0.0)
    assert [buckets.take("ann") for _ in range(2)] == [0, 10]
