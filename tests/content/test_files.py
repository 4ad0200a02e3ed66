"""Files in folders, archives and at URLs; what is wrong with them is said in few words."""

from __future__ import annotations

import io
import random
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from endcap.class_paths import resolve_own
from endcap.content.files import Shelf, download
from endcap.content.media import Files, names, pieces
from endcap.content.pieces import Piece, Unreadable
from endcap.errors import ConfigError
from endcap.stages import Encoder
from tests.contents import goods

MOST = 1_000


def zipped(path: Path, **files: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)


def tarred(path: Path, mode: str, **files: bytes) -> None:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            entry = tarfile.TarInfo(name.replace("__", "/"))
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "shop"
    (inside / "照片").mkdir(parents=True)
    (inside / "照片" / "围巾 1.jpg").write_bytes(b"scarf")
    (inside / "large").write_bytes(b"x" * (MOST + 1))
    (inside / "exact").write_bytes(b"x" * MOST)
    (tmp_path / "secret").write_bytes(b"secret")
    (inside / "link").symlink_to(tmp_path / "secret")
    zipped(inside / "a.zip", shoes__1=b"shoe", bomb=b"0" * 10_000_000)
    tarred(inside / "a.tar", "w", shoes__1=b"boot")
    tarred(inside / "a.tar.gz", "w:gz", shoes__1=b"sock", other=b"x")
    (inside / "damaged.zip").write_bytes((inside / "a.zip").read_bytes()[:60])
    return inside


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("照片/围巾 1.jpg", b"scarf"),
        ("./照片/../照片/围巾 1.jpg", b"scarf"),
        ("exact", b"x" * MOST),
        ("a.zip/shoes/1", b"shoe"),
        ("a.tar/shoes/1", b"boot"),
        ("a.tar.gz/other", b"x"),
        ("a.tar.gz/shoes/1", b"sock"),
    ],
)
def test_what_is_there_is_read(folder: Path, name: str, content: bytes) -> None:
    with Shelf(folder, MOST) as shelf:
        assert shelf.read(name) == content
        assert shelf.read(f"file://{folder}/{name}") == content


class Foreign(zipfile.ZipInfo):
    """A file whose name does not say what it is in, as systems of other countries write it."""

    encoding = "utf-8"

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 (Python's own)
        return self.filename.encode(self.encoding), self.flag_bits


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_chinese_names_in_a_zip_whatever_they_are_in(folder: Path, encoding: str) -> None:
    entry = Foreign("鞋/1.jpg")
    entry.encoding = encoding
    with zipfile.ZipFile(folder / "foreign.zip", "w") as archive:
        archive.writestr(entry, b"shoe")
    with Shelf(folder, MOST) as shelf:
        assert shelf.read("foreign.zip/鞋/1.jpg") == b"shoe"
        with pytest.raises(Unreadable, match="no such file"):
            shelf.read("foreign.zip/鞋/2.jpg")


def test_names_that_begin_with_a_dot(folder: Path) -> None:
    zipped(folder / "dots.zip", **{".hidden__1": b"shoe"})
    tarred(folder / "dots.tar", "w", **{"./shoes/1": b"boot"})
    with Shelf(folder, MOST) as shelf:
        assert shelf.read("dots.zip/.hidden/1") == b"shoe"
        assert shelf.read("dots.tar/shoes/1") == b"boot"


@pytest.mark.parametrize("name", ["broken.tar.xz", "broken.zip"])
def test_damage_within_an_archive_ends_nothing(folder: Path, name: str) -> None:
    content = random.Random(1).randbytes(300_000)  # noqa: S311 (no secret)
    if name.endswith("zip"):
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_LZMA) as archive:
            archive.writestr("1", content)
    else:
        tarred(folder / name, "w:xz", **{"1": content})
    whole = bytearray((folder / name).read_bytes())
    whole[100_000:100_900] = bytes(900)
    (folder / name).write_bytes(whole)
    with Shelf(folder, 1_000_000) as shelf, pytest.raises(Unreadable, match="damaged or locked"):
        shelf.read(f"{name}/1")


@pytest.mark.parametrize("archive", ["a.zip", "a.tar", "a.tar.gz"])
def test_the_folder_may_be_an_archive(folder: Path, archive: str) -> None:
    with Shelf(folder / archive, MOST) as shelf:
        assert len(shelf.read("shoes/1")) == 4


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nothing.jpg", "no such file"),
        ("照片", "no such file"),
        ("a.zip/shoes/2", "no such file"),
        ("a.tar/shoes", "no such file"),
        ("a.tar/link", "no such file"),
        ("../secret", "path leads out of the folder"),
        ("/etc/hostname", "path leads out of the folder"),
        ("link", "path leads out of the folder"),
        ("large", "file is larger than 0.001 MB"),
        ("a.zip/bomb", "file is larger than 0.001 MB"),
        ("damaged.zip/shoes/1", "file or archive is damaged or locked"),
        ("exact/1", "file or archive is damaged or locked"),
        ("a" * 5_000, "no such file"),
        ("a\0b", "no such file"),
    ],
)
def test_what_is_not_there_is_told_why(folder: Path, name: str, reason: str) -> None:
    with Shelf(folder, MOST) as shelf, pytest.raises(Unreadable) as told:
        shelf.read(name)
    assert str(told.value) == reason


class Shop(BaseHTTPRequestHandler):
    """Serves a photo, and leads astray."""

    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "file:///etc/hostname")
            self.end_headers()
            return
        if self.path == "/garbage":
            self.wfile.write(b"garbage garbage\r\n\r\n")
            return
        content = b"x" * 10_000 if self.path == "/large" else b"photo"
        self.send_response(404 if self.path == "/none" else 200)
        self.send_header("Content-Length", str(len(content) + 100 * (self.path == "/cut")))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Not to standard error."""


@pytest.fixture
def shop() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        Shop.asked.clear()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_photo_at_a_url(shop: str) -> None:
    assert download(f"{shop}/1", MOST) == b"photo"


def test_a_url_may_have_other_letters_and_spaces(shop: str) -> None:
    assert download(f"{shop}/围巾 1.jpg?颜色=%E7%BA%A2", MOST) == b"photo"
    assert Shop.asked == ["/%E5%9B%B4%E5%B7%BE%201.jpg?%E9%A2%9C%E8%89%B2=%E7%BA%A2"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/none", "URL gives no answer"),
        ("/away", "URL gives no answer"),
        ("/garbage", "URL gives no answer"),
        (":x/", "URL gives no answer"),
        ("/cut", "URL gives a part of the file alone"),
        ("/large", "file is larger than 0.001 MB"),
    ],
)
def test_what_a_url_does_not_give(shop: str, path: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        download(f"{shop}{path}", MOST)


def test_urls_are_fetched_only_where_that_is_allowed(shop: str) -> None:
    catalogue = goods([{"image_url": f"{shop}/1"}, {"image_url": "ftp://x/1"}, {}])
    assert list(pieces(catalogue, Files())) == [
        "is at a URL, and `urls` is off",
        "no such file",
        None,
    ]
    found = next(iter(pieces(catalogue, Files(urls=True))))
    assert isinstance(found, Piece)
    assert Shop.asked == []
    assert found.read() == b"photo"


def test_blanks_around_a_name_do_not_count() -> None:
    catalogue = goods([{"image_url": " https://shop.example/1 "}, {"image_url": "  "}])
    assert list(pieces(catalogue, Files())) == ["is at a URL, and `urls` is off", None]


def test_the_same_file_is_the_same_piece_whatever_its_name(folder: Path) -> None:
    (folder / "again").write_bytes(b"shoe")
    catalogue = goods([{"image_url": "again"}, {"image_url": "a.zip/shoes/1"}])
    one, other = pieces(catalogue, Files(folder=str(folder)))
    assert isinstance(one, Piece)
    assert isinstance(other, Piece)
    assert one.key == other.key


def test_a_column_that_is_not_there_is_told() -> None:
    with pytest.raises(ConfigError, match=r"column = 'photo', but .* attributes\.NAME or one of"):
        list(names(goods([{}]).table, "photo"))


@pytest.mark.parametrize("column", ["photo", "attributes.", "image_url "])
def test_a_column_that_no_catalogue_has_is_told_before_any_work(column: str) -> None:
    chosen = {"use": "endcap.encoders.image:Image", "column": column}
    with pytest.raises(ConfigError, match=f"mine.content.photo: column = '{column}': expected"):
        resolve_own(Encoder, chosen, "mine.content.photo")


def test_attributes_that_are_no_objects_name_nothing() -> None:
    odd = ["[1]", "no JSON", '{"clip": 7}', "null", '{"a":' * 50_000, '{"clip": "夏.wav"}']
    table = goods([{"attributes": text} for text in odd]).table
    assert list(names(table, "attributes.clip")) == [None, None, None, None, None, "夏.wav"]
