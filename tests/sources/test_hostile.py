"""Files that were made to take a program down are refused or counted, in bounded memory and time.

Each import runs in a process of its own, whose address space is limited: what would take more
memory, crash, or never end fails the test.
"""

from __future__ import annotations

import gzip
import json
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from endcap.errors import SourceError
from endcap.importing.raw import Imported
from endcap.sources import Wanted, import_file, import_files

GB = 1 << 30
ROOM = 4 * GB
"""Addresses, of which DuckDB and Arrow reserve a part that they never use."""

PEAK = 1.7 * GB
"""Memory at most: DuckDB may take 1 GB of it."""

HEAD = b"user_id,item_id,event_type,timestamp\n"
ROWS = b"".join(b"u%d,i%d,view,17000000%02d\n" % (n, n, n) for n in range(100))

CODE = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])))
from endcap.errors import EndcapError
from endcap.sources import import_file
for path in map(Path, sys.argv[2:]):
    print(path, file=sys.stderr, flush=True)
    try:
        (one, *_) = import_file(path.with_name(f"{path.name}-tables"), str(path))
        print(one.extract.kind, one.kept, dict(one.dropped))
    except EndcapError as error:
        print("refused:", error)
(peak,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(int(peak.split()[1]) * 1024)
"""


def all_taken(paths: Sequence[Path], seconds: float = 300.0) -> list[str]:
    """What the import of each file says, in bounded memory and time."""
    command = [sys.executable, "-c", CODE, str(ROOM), *map(str, paths)]
    done = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, timeout=seconds, check=False
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
    *said, peak = done.stdout.splitlines()
    assert int(peak) < PEAK, f"{int(peak) / GB:.2f} GB"
    assert len(said) == len(paths)
    return said


def taken(path: Path) -> str:
    (said,) = all_taken([path])
    return said


def write(path: Path, *content: bytes) -> Path:
    with path.open("wb") as file:
        file.writelines(content)
    return path


def sparse(path: Path, start: bytes, hole: int, end: bytes) -> Path:
    """A file with a hole, which reads as NUL bytes and takes no room."""
    with path.open("wb") as file:
        file.write(start)
        file.seek(hole, os.SEEK_CUR)
        file.write(end)
    return path


def packed(path: Path, parts: Iterator[bytes]) -> Path:
    with gzip.open(path, "wb", compresslevel=1) as file:
        for part in parts:
            file.write(part)
    return path


def zeros(size: int, letter: bytes = b"\0") -> Iterator[bytes]:
    return (letter * (1 << 20) for _ in range(size >> 20))


@pytest.mark.parametrize("size", [GB // 4, pytest.param(10 * GB, marks=pytest.mark.slow)])
def test_a_line_that_is_longer_than_the_memory(tmp_path: Path, size: int) -> None:
    """What stands around it is imported, and the line counted."""
    path = sparse(tmp_path / "file.csv", HEAD + 500 * ROWS, size, b"\n" + ROWS)
    assert taken(path) == "events 100 {'broken_row': 1}"


def test_a_long_line_inside_gzip(tmp_path: Path) -> None:
    path = packed(tmp_path / "file.gz", iter([HEAD, *zeros(200 << 20, b"x"), b"\n", ROWS]))
    assert taken(path) == "events 100 {'broken_row': 1}"


@pytest.mark.parametrize(
    ("start", "letter"),
    [
        (HEAD, b"x"),
        *(
            pytest.param(start, letter, marks=pytest.mark.slow)
            for start, letter in (
                (b"PAR1", b"\0"),
                (b"\xff\xfe", b" "),
                (b"<feed>", b" "),
                (b"[{},", b" "),
            )
        ),
    ],
)
def test_a_bomb_in_gzip(tmp_path: Path, start: bytes, letter: bytes) -> None:
    """A few megabytes that unpack to thousands of times as much are not unpacked to the end."""
    path = packed(
        tmp_path / "file", (one for many in ([start], zeros(5 * GB // 4, letter)) for one in many)
    )
    assert path.stat().st_size < 20 << 20
    assert "unpacks to more than" in taken(path)


def test_a_bomb_in_zstd(tmp_path: Path) -> None:
    with pa.CompressedOutputStream(str(tmp_path / "file"), "zstd") as file:
        file.write(HEAD)
        for _ in range(5 * GB // 4 // len(ROWS) // 1000):
            file.write(ROWS * 1000)
    assert (tmp_path / "file").stat().st_size < 1 << 20
    assert "unpacks to more than" in taken(tmp_path / "file")


def test_a_zip_bomb_is_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "file.csv", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("events.csv", HEAD + b"0" * (64 << 20))
    assert "is an archive or a workbook" in taken(tmp_path / "file.csv")


def test_xml_of_one_element_without_an_end(tmp_path: Path) -> None:
    path = write(tmp_path / "file.xml", b"<feed><item><id>", *zeros(200 << 20, b"x"))
    assert "has an element of more than" in taken(path)


def test_xml_with_a_million_elements_in_each_other(tmp_path: Path) -> None:
    deep = b"<a>" * 1_000_000 + b"</a>" * 1_000_000
    said = taken(write(tmp_path / "file.xml", b"<feed><item><id>1</id>", deep, b"</item></feed>"))
    assert "refused" in said


@pytest.mark.parametrize("name", ["context", "properties", "products", "items", "user_id"])
def test_json_with_a_hundred_thousand_objects_in_each_other(tmp_path: Path, name: str) -> None:
    deep = '{"a":' * 100_000 + "1" + "}" * 100_000
    lists = "[" * 100_000 + "]" * 100_000
    event = {"user_id": "u", "item_id": "i", "event_type": "view", "timestamp": 1_700_000_000}
    good = json.dumps(event)
    bad = [good.replace("{", f'{{"{name}": {one}, ', 1) for one in (deep, lists)]
    said = taken(write(tmp_path / "file", "\n".join([good, *bad, good]).encode()))
    assert said.startswith(("events", "refused"))


@pytest.mark.parametrize(
    "row", [b'{"a": 1, "%d": 2}\n', b'{"user_id": "u", "item_id": "i", "%d": [1, 2]}\n']
)
def test_a_key_for_each_row(tmp_path: Path, row: bytes) -> None:
    path = write(tmp_path / "file", *(row % n for n in range(20_000)))
    assert "more than 2,000 columns" in taken(path)


@pytest.mark.parametrize("names", [b"a," * 400_000, b",".join(b"c%d" % n for n in range(90_000))])
def test_a_header_without_an_end(tmp_path: Path, names: bytes) -> None:
    assert "more than 2,000 columns" in taken(write(tmp_path / "file", names, b"\n1,2\n"))


def test_a_first_line_that_is_no_header(tmp_path: Path) -> None:
    assert "refused" in taken(write(tmp_path / "file", b"x" * 900_000, b"\n1,2\n"))


def footer(path: Path, change: Callable[[bytearray], None]) -> None:
    """Change the footer of a Parquet file, and nothing of its frame."""
    content = path.read_bytes()
    (length,) = struct.unpack("<I", content[-8:-4])
    inside = bytearray(content[-8 - length : -8])
    change(inside)
    size = struct.pack("<I", len(inside))
    path.write_bytes(content[: -8 - length] + bytes(inside) + size + b"PAR1")


def varint(number: int) -> bytes:
    """As Thrift's compact protocol writes a whole number."""
    number = (number << 1) ^ (number >> 63)
    found = b""
    while number > 127:
        found, number = found + bytes([number & 127 | 128]), number >> 7
    return found + bytes([number])


def events(path: Path, rows: int = 12_345) -> Path:
    table = {
        "user_id": [f"u{n % 97}" for n in range(rows)],
        "item_id": [f"i{n % 31}" for n in range(rows)],
        "event_type": ["view"] * rows,
        "timestamp": [1_700_000_000 + n for n in range(rows)],
    }
    pq.write_table(pa.table(table), path)
    return path


@pytest.mark.parametrize("rows", [1, 99_999, 2**31, 2**62])
def test_a_parquet_footer_that_lies_about_its_rows(tmp_path: Path, rows: int) -> None:
    path, true = events(tmp_path / "file"), varint(12_345)

    def lie(footer_: bytearray) -> None:
        assert footer_.count(true) > 1
        footer_[:] = footer_.replace(true, varint(rows))

    footer(path, lie)
    assert taken(path).startswith("events 1 " if rows == 1 else "refused")


@pytest.mark.parametrize(
    "number", [2**31, *(pytest.param(one, marks=pytest.mark.slow) for one in (2**40, 2**62, 3))]
)
def test_a_parquet_footer_that_lies_about_each_of_its_numbers(tmp_path: Path, number: int) -> None:
    """Offsets, sizes, lengths of lists: each byte in turn becomes another number."""
    original, lie = events(tmp_path / "original", 50), varint(number)
    (length,) = struct.unpack("<I", original.read_bytes()[-8:-4])
    paths = []
    for place in range(0, length, max(1, length // 60)):
        paths.append(write(tmp_path / f"at-{place}", original.read_bytes()))
        footer(paths[-1], lambda inside, at=place: inside.__setitem__(slice(at, at + 1), lie))  # type: ignore[misc]
    for said in all_taken(paths):
        assert said.startswith(("refused", "events", "items", "users"))


@pytest.mark.parametrize("share", [0.0001, 0.5, 0.98, 0.9999])
def test_a_parquet_file_that_is_cut_off(tmp_path: Path, share: float) -> None:
    content = events(tmp_path / "whole").read_bytes()
    assert "refused" in taken(write(tmp_path / "file", content[: int(len(content) * share)]))


def test_a_parquet_file_whose_middle_is_missing(tmp_path: Path) -> None:
    """Its footer names places that are beyond its end."""
    content = events(tmp_path / "whole").read_bytes()
    assert "refused" in taken(write(tmp_path / "file", content[:40], content[-4000:]))


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(SourceError, match="is a device or a pipe"):
            import_file(tmp_path / "tables", str(path))
    with pytest.raises(SourceError, match="cannot be read: File name too long"):
        import_file(tmp_path / "tables", "x" * 5000)


def test_one_bad_file_among_good_ones(tmp_path: Path) -> None:
    """The others are imported, those after it too, and it is named."""
    folder = tmp_path / "exports"
    folder.mkdir()
    for n in range(4):
        row = b"u%d,i,view,1700000000\n" % n
        write(folder / f"{n}.csv", HEAD if n == 1 else b"", b"" if n == 1 else HEAD + row)
    write(folder / "5.csv", b"PK\x03\x04" + bytes(40))
    names = [str(path) for path in sorted(folder.iterdir())]
    done: list[Imported] = []
    with pytest.raises(SourceError, match=r"1\.csv holds no rows; nor could 1 more: .*5\.csv"):
        done.extend(one for found in import_files(tmp_path / "t", names, Wanted()) for one in found)
    assert [one.kept for one in done] == [1, 1, 1]
