"""Spark: on a cluster, or on the cores of this machine to try it out.

A step is a folder of files that were written side by side. The order of all rows is that of the
files' names, then that within a file, so a row's place is known from how many rows the files
before its own have.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import ibis
import ibis.expr.datatypes as dt
import pyarrow as pa
import pyarrow.parquet as pq
from ibis import _
from ibis.expr.types import Table

from endcap.config import Config
from endcap.errors import StateError
from endcap.tables.engines import Engine
from endcap.tables.steps import written

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

JAVA = 17
"""The oldest version that Spark 4 runs on."""

EXTRA = "pip install 'endcap[spark]'"

SETTINGS = {
    # As DuckDB has it: a value that can't be had is null, not the end of the run.
    "spark.sql.ansi.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}
"""What the tables depend on, and quiet."""


class Spark(Engine):
    """An Ibis connection to a Spark session."""

    hashing = ("xxhash64", dt.int64)

    def __init__(self, session: SparkSession) -> None:
        self._session = session
        self._connection = ibis.pyspark.connect(session)

    @classmethod
    def open(cls, folder: Path, config: Config) -> Self:
        master = config.spark.master
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas")
        try:
            from pyspark.errors import PySparkException
            from pyspark.sql import SparkSession
        except ImportError as error:
            raise StateError(
                "The engine spark needs PySpark, which is not installed", mend=EXTRA
            ) from error
        cls.failures = (PySparkException,)
        builder: Any = SparkSession.builder.appName("endcap prepare")
        if master.startswith("sc://"):
            settings, builder = dict(SETTINGS), builder.remote(master)
        else:
            check_java()
            settings, builder = _here(folder, config) | SETTINGS, builder.master(master)
        for key, value in (settings | config.spark.settings).items():
            builder = builder.config(key, value)
        return cls(builder.getOrCreate())

    def read(self, paths: Sequence[Path]) -> Table:
        return self._table(self._numbered(paths, range(len(paths)), "file"))

    def step(self, path: Path) -> Table:
        parts = written(path)
        counts = [pq.read_metadata(part).num_rows for part in parts]
        before = [sum(counts[:place]) for place in range(len(parts))]
        rows = self._table(self._numbered(parts, before, "before"))
        return rows.mutate(row=_.row + _.before).drop("before")

    def write(self, rows: Table, path: Path, *, lasting: bool = True) -> None:
        self._frame(rows).write.mode("overwrite").parquet(str(path))

    def empty(self, schema: pa.Schema) -> Table:
        return self._table(self._session.createDataFrame(schema.empty_table()))

    def close(self) -> None:
        self._session.stop()

    def _numbered(self, paths: Sequence[Path], numbers: Iterable[int], name: str) -> DataFrame:
        """The rows of files, each with its place in its file and a number for its file."""
        from pyspark.sql.functions import broadcast, col

        rows = self._session.read.option("mergeSchema", "true").parquet(*map(str, paths))
        rows = rows.select(
            "*",
            col("_metadata.row_index").alias("row"),
            col("_metadata.file_name").alias("file_name"),
        )
        names = [(path.name, number) for path, number in zip(paths, numbers, strict=True)]
        order = self._session.createDataFrame(names, f"file_name string, {name} bigint")
        return rows.join(broadcast(order), "file_name").drop("file_name")

    def _table(self, frame: DataFrame) -> Table:
        name = ibis.util.gen_name("endcap")
        frame.createOrReplaceTempView(name)
        return self._connection.table(name)

    def _frame(self, rows: Table) -> DataFrame:
        return self._session.sql(self._connection.compile(rows))


def _here(folder: Path, config: Config) -> dict[str, str]:
    """What the part of Spark that runs on this machine is told."""
    driver = {
        "spark.driver.memory": f"{config.resources.engine_bytes >> 20}m",
        "spark.local.dir": str(folder / "spill"),
    }
    # The default of 200 is for clusters; here each would be a little file and a little task.
    alone = {
        "spark.sql.shuffle.partitions": "8",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
    }
    return driver | (alone if config.spark.master.startswith("local") else {})


def check_java() -> None:
    """Raises StateError where there is no Java that Spark runs on."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    found = _version(java) if java and Path(java).is_file() else None
    if found is None or found < JAVA:
        raise StateError(
            f"The engine spark needs Java, and there is {f'Java {found}' if found else 'none'}",
            expected=f"version {JAVA} or newer",
            mend="Install one and set JAVA_HOME, or name a Spark Connect server (sc://…) in "
            "[spark] master, or prepare with --engine duckdb",
        )


def _version(java: str) -> int | None:
    """
    >>> re.search(VERSION, 'openjdk version "1.8.0_392"')[1]
    '8'
    """
    told = subprocess.run([java, "-version"], capture_output=True, text=True)  # noqa: S603
    match = re.search(VERSION, told.stderr + told.stdout)
    return int(match[1]) if match else None


VERSION = r'version "(?:1\.)?(\d+)'
