"""Bytes from files: in a folder, in archives in it, or at a URL."""

from __future__ import annotations

import tarfile
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote, urlsplit

from endcap.content.pieces import Unreadable

TIMEOUT = 10.0
"""Seconds to wait for a server to say something."""

ENCODINGS = ("utf-8", "gb18030")
"""Of names in a zip that does not say what they are in: those of Linux, and of Chinese Windows."""


class Shelf:
    """Where the files are that a catalogue names. Use it in a `with`: archives stay open in it.

    folder: a folder or an archive (zip, tar, also compressed), below which all paths lead;
        ``photos.zip/shoes/1.jpg`` is a file in an archive in it.
    most: bytes of a file at most.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self.folder, self.most = folder.resolve(), most
        self._open: dict[Path, zipfile.ZipFile | tarfile.TarFile] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for archive in self._open.values():
            archive.close()
        self._open.clear()

    def read(self, name: str) -> bytes:
        """Raises Unreadable."""
        path, member = self._find(name)
        try:
            if not member:
                with path.open("rb") as file:
                    return self._all(file)
            with self._member(path, member) as file:
                return self._all(file)
        except Unreadable:
            raise
        except Exception as error:  # what damaged archives raise, nobody has listed
            raise Unreadable("file or archive is damaged or locked") from error

    def _find(self, name: str) -> tuple[Path, str]:
        """The file, and where in it, should it be an archive. Raises Unreadable."""
        try:
            whole = (self.folder / name.removeprefix("file://")).resolve()
            if not whole.is_relative_to(self.folder):
                raise Unreadable("path leads out of the folder")
            path = whole
            while not path.exists() and path != path.parent:
                path = path.parent
            if not path.is_file():
                raise Unreadable("no such file")
        except (OSError, ValueError) as error:  # a name that no file can have
            raise Unreadable("no such file") from error
        return path, "" if whole == path else whole.relative_to(path).as_posix()

    def _member(self, path: Path, member: str) -> IO[bytes]:
        archive = self._archive(path)
        if isinstance(archive, zipfile.ZipFile):
            for name in _zipped(member):
                with suppress(KeyError):
                    return archive.open(name)
        else:
            for name in _tarred(member):
                with suppress(KeyError):
                    if file := archive.extractfile(name):
                        return file
        raise Unreadable("no such file")

    def _archive(self, path: Path) -> zipfile.ZipFile | tarfile.TarFile:
        if path not in self._open:
            kind = zipfile.ZipFile if zipfile.is_zipfile(path) else tarfile.open
            self._open[path] = kind(path)
        return self._open[path]

    def _all(self, file: IO[bytes]) -> bytes:
        """At most one byte more than allowed is unpacked, whatever an archive says of itself."""
        content = file.read(self.most + 1)
        if len(content) > self.most:
            raise Unreadable(f"file is larger than {self.most / 1e6:g} MB")
        return content


def _zipped(member: str) -> Iterator[str]:
    """What a file in a zip may be called: names that don't say their encoding are read as cp437."""
    yield member
    if not member.isascii():
        yield from (member.encode(one).decode("cp437") for one in ENCODINGS)


def _tarred(member: str) -> tuple[str, str]:
    """What a file in a tar may be called: `tar -c .` puts the folder before it."""
    return member, f"./{member}"


def download(url: str, most: int) -> bytes:
    """What is at an http or https URL, at most so many bytes. Raises Unreadable."""
    try:
        request = urllib.request.Request(ascii_url(url), headers={"User-Agent": "endcap"})  # noqa: S310
        with _opener().open(request, timeout=TIMEOUT) as answer:
            content: bytes = answer.read(most + 1)
            said = answer.headers["Content-Length"]
    except (OSError, ValueError, HTTPException) as error:
        raise Unreadable("URL gives no answer") from error
    if len(content) > most:
        raise Unreadable(f"file is larger than {most / 1e6:g} MB")
    if said and said.isdecimal() and len(content) < int(said):
        raise Unreadable("URL gives a part of the file alone")
    return content


def ascii_url(url: str) -> str:
    """As servers are asked for it.

    >>> ascii_url("https://shop.example/围巾 1.jpg?a=%20&b=红")
    'https://shop.example/%E5%9B%B4%E5%B7%BE%201.jpg?a=%20&b=%E7%BA%A2'
    """
    parts = urlsplit(url)
    host = parts.netloc.encode("idna").decode()
    path, query = (quote(part, safe="/%:@!$&'()*+,;=?~") for part in (parts.path, parts.query))
    return parts._replace(netloc=host, path=path, query=query, fragment="").geturl()


def _opener() -> urllib.request.OpenerDirector:
    """One that knows http and https, and so never leads to a file, not even by a redirect."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
    ):
        opener.add_handler(handler())
    return opener


def is_url(name: str) -> bool:
    """
    >>> is_url("HTTPS://shop.example/1.jpg"), is_url("photos/1.jpg")
    (True, False)
    """
    return name.lower().startswith(("http://", "https://"))


def plain(name: str) -> str:
    """A path with slashes, from whatever system wrote it.

    >>> plain("photos\\\\1.jpg")
    'photos/1.jpg'
    """
    return PurePosixPath(name.strip().replace("\\", "/")).as_posix()
