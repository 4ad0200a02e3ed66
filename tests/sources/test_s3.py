"""An import from object storage, against a server that speaks S3."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from endcap.errors import SourceError
from endcap.importing.places import expand
from endcap.sources import import_file

ROWS = "user_id,item_id,timestamp\n红,裙子,1700000000\nu2,b,1700000001\n"


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket `shop`, and s3fs as someone who may read it."""
    server = pytest.importorskip(
        "moto.server", reason="There is no moto: pip install 'moto[server]'"
    )
    s3fs = pytest.importorskip("s3fs", reason="There is no s3fs: pip install 'endcap[cloud]'")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem()
    system.makedirs("shop", exist_ok=True)
    yield system
    s3fs.S3FileSystem.clear_instance_cache()
    running.stop()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_bucket_is_imported_file_by_file(tmp_path: Path, storage: Any) -> None:
    storage.pipe("shop/logs/one.csv", ROWS.encode())
    storage.pipe("shop/logs/more/two.csv.gz", gzip.compress(ROWS.replace("u2", "u3").encode()))
    found = expand("s3://shop/logs", tmp_path)
    assert found == ["s3://shop/logs/more/two.csv.gz", "s3://shop/logs/one.csv"]
    kept = [import_file(tmp_path / "tables", name)[0].kept for name in found]
    assert kept == [2, 1]  # one event is in both
    assert expand("s3://shop/logs/*.csv", tmp_path) == ["s3://shop/logs/one.csv"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_is_not_there_is_said(tmp_path: Path, storage: Any) -> None:
    with pytest.raises(SourceError, match=r"s3://shop/none\.csv cannot be read"):
        import_file(tmp_path / "tables", "s3://shop/none.csv")
    with pytest.raises(SourceError, match="stands for no file"):
        expand("s3://shop/*.parquet", tmp_path)
