"""From the bytes of a file to UTF-8 text, or to Parquet, without guessing beyond what is sure."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO, IncrementalNewlineDecoder
from pathlib import Path

from endcap.errors import SourceError

CHUNK = 1 << 20
SURE = 0.9
GIANT = 32_000_000
"""Bytes: 16 times the length from which DuckDB drops a line, and says so."""

LARGE, TIMES = 1 << 30, 200
"""What a file unpacks to may be so many bytes, and beyond them so many times its size."""

MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
ARCHIVES = (b"PK\x03\x04", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ")
"""How files begin that have to be unpacked first: ZIP (as of Excel), 7z, RAR, bzip2 and xz."""

BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")
FOREIGN = re.compile(r"[^\x00-\x7f]+")
NAMES = {"utf-16": "UTF-16", "gb18030": "GB18030", "cp1252": "Windows-1252 (Latin-1)"}


@dataclass(frozen=True)
class Text:
    """A file that DuckDB can read.

    compression: gzip, zstd or None.
    start: its first bytes, uncompressed.
    giants: how many lines are so long that DuckDB leaves them out without a word.
    """

    path: Path
    compression: str | None
    start: bytes
    notes: tuple[str, ...] = ()
    giants: int = 0


def read_text(path: Path, folder: Path) -> Text:
    """The file itself, or a copy of it in `folder` that DuckDB can read. Raises SourceError."""
    _check(path)
    with path.open("rb") as file:
        magic = file.read(4)
    compression = next((name for mark, name in MAGIC.items() if magic.startswith(mark)), None)
    start = next(_chunks(path, compression), b"")
    if start.startswith(b"PAR1"):
        copy = _copy(path, compression, folder, None) if compression else path
        return Text(copy, None, start)
    if not start.strip():
        raise SourceError(f"{path} is empty", expected="a header and rows below it")
    encoding, mixed, giants = _encoding(path, compression, start)
    if encoding == "utf-8" and not mixed:
        return Text(path, compression, start, giants=giants)
    copy = _copy(path, compression, folder, encoding)
    notes = (f"Read as {NAMES[encoding]}; the file is not UTF-8",) if encoding in NAMES else ()
    _, _, giants = _survey(copy, None)
    return Text(copy, None, next(_chunks(copy, None), b""), notes, giants)


def _check(path: Path) -> None:
    try:
        if path.is_dir():
            raise SourceError(
                f"{path} is a folder",
                expected="a file",
                mend=f"Name its files: {path}/*.parquet, say",
            )
        size, plain = path.stat().st_size, path.is_file()
        with path.open("rb") if plain else BytesIO() as file:
            start = file.read(4)
    except FileNotFoundError as error:
        raise SourceError(f"There is no file {path}") from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error
    if not plain:  # a pipe could be read once, and would be waited for without end
        raise SourceError(f"{path} is a device or a pipe", expected="a file")
    if not size:
        raise SourceError(f"{path} is empty", expected="a header and rows below it")
    if start.startswith(ARCHIVES):
        raise SourceError(
            f"{path} is an archive or a workbook",
            expected="text or Parquet, as it is or inside gzip or zstd",
            mend="Unpack it, or save it as CSV",
        )


def _chunks(path: Path, compression: str | None) -> Iterator[bytes]:
    """The uncompressed bytes of a file. Raises SourceError where it is cut off or damaged, or
    grows so much that it was made to fill a disk."""
    import pyarrow as pa

    left = max(LARGE, TIMES * path.stat().st_size) if compression else float("inf")
    try:
        with pa.input_stream(str(path), compression=compression) as stream:
            while chunk := stream.read(CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise SourceError(
                        f"{path} unpacks to more than {TIMES} times its size",
                        mend="Unpack it yourself if it is what it should be",
                    )
                yield chunk
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{path} is damaged: {error}") from error


def _encoding(path: Path, compression: str | None, start: bytes) -> tuple[str, bool, int]:
    """The encoding, whether DuckDB would stumble over line ends that are mixed, and how many lines
    are giants.

    Raises SourceError where the encoding is not sure.
    """
    if start[:2] in BYTE_ORDER_MARKS:
        return "utf-16", True, 0
    binary = SourceError(f"{path} is not text", expected="CSV, JSON Lines or Parquet")
    if start.count(0) > len(start) // 100:
        raise binary
    bad, mixed, giants = _survey(path, compression)
    if bad and 0 in start:
        raise binary
    guess = _guess(bad) if bad else "utf-8"
    if guess is None:
        raise SourceError(
            f"{path} is text in an encoding that can't be told for sure",
            expected="UTF-8",
            mend="Save it as UTF-8 and import it again",
        )
    return guess, mixed and not bad, giants


def _survey(path: Path, compression: str | None) -> tuple[bytes, bool, int]:
    """A piece of the file that is not UTF-8, empty where there is none; whether its lines end in
    more than one way; and how many are giants."""
    decoder, bad, giants, so_far = _decoder("utf-8", translate=False), b"", 0, 0
    for chunk in _chunks(path, compression):
        if not bad:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                bad = chunk[max(0, chunk.rfind(b"\n", 0, error.start)) :]
        # A chunk is far smaller than a giant: only what crosses its ends may be one.
        first = chunk.find(b"\n")
        so_far += first if first >= 0 else len(chunk)
        if first >= 0:
            giants += so_far >= GIANT
            so_far = len(chunk) - chunk.rfind(b"\n") - 1
    return bad, isinstance(decoder.newlines, tuple), giants + (so_far >= GIANT)


def _decoder(encoding: str, *, translate: bool) -> IncrementalNewlineDecoder:
    return IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate)


def _guess(sample: bytes) -> str | None:
    """The encoding of bytes that are not UTF-8 throughout, where it is sure.

    >>> _guess("红色连衣裙，夏季新款".encode("gbk"))
    'gb18030'
    >>> _guess("Crème brûlée à la carte".encode("latin-1"))
    'cp1252'
    >>> _guess("Красное платье".encode("cp1251")) is None
    True
    """
    foreign = FOREIGN.findall(sample.decode("utf-8", errors="replace"))
    if "".join(foreign).count("\ufffd") < (1 - SURE) * sum(map(len, foreign)):
        return "utf-8"  # with a few broken rows, which are dropped and counted
    signs = {"gb18030": _common_chinese, "cp1252": _lone_letter}
    return next((name for name in signs if _share(sample, name, signs[name]) > SURE), None)


def _share(sample: bytes, encoding: str, usual: Callable[[str], bool]) -> float:
    """Share of usual ones among the runs that are not ASCII; 0 where it can't be decoded."""
    try:
        foreign = FOREIGN.findall(codecs.getincrementaldecoder(encoding)().decode(sample))
    except UnicodeDecodeError:
        return 0.0
    return sum(map(usual, foreign)) / len(foreign) if foreign else 0.0


def _common_chinese(run: str) -> bool:
    """GB18030 gives a meaning to nearly any bytes; the everyday characters are few."""
    try:
        return len(run.encode("gb2312")) == 2 * len(run)
    except UnicodeEncodeError:
        return False


def _lone_letter(run: str) -> bool:
    """Western text has a letter with an accent here and there, other alphabets long runs."""
    return len(run) == 1 and (run.isalpha() or run in "€£§°–’“”™®")


def _copy(path: Path, compression: str | None, folder: Path, encoding: str | None) -> Path:
    """The file uncompressed and, where an encoding is given, as UTF-8 with lines that end alike."""
    target = folder / "copy"
    decoder = _decoder(encoding, translate=True) if encoding else None
    with target.open("wb") as file:
        for chunk in _chunks(path, compression):
            try:
                file.write(decoder.decode(chunk).encode() if decoder else chunk)
            except UnicodeDecodeError as error:
                raise SourceError(
                    f"{path} looks like {NAMES[str(encoding)]}, but is not so throughout",
                    expected="UTF-8",
                ) from error
    return target
