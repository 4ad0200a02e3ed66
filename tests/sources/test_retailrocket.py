from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from endcap.errors import SourceError
from endcap.sources import import_file

LOG = """timestamp,visitorid,event,itemid,transactionid
1433221332117,257597,view,355908,
1433224214164,992329,addtocart,248676,
1433222276276,599528,transaction,356475,4000
"""


def test_the_raw_log(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(LOG)
    (found,) = import_file(tmp_path / "t", str(tmp_path / "events.csv"))
    assert (found.origin.format, found.kept) == ("retailrocket", 3)
    (stored,) = (tmp_path / "t" / "events").glob("*.parquet")
    table = pq.read_table(stored)
    assert table["event_type"].to_pylist() == ["view", "add_to_cart", "purchase"]
    assert table["timestamp"][0].as_py() == 1433221332117000
    assert table["context"].to_pylist() == [None, None, '{"transactionid":"4000"}']


def test_another_file_is_refused_by_name_of_the_column(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("user_id,itemid,timestamp\n1,2,3\n")
    with pytest.raises(SourceError, match="no column event, visitorid"):
        import_file(tmp_path / "t", str(tmp_path / "events.csv"), format_="retailrocket")
