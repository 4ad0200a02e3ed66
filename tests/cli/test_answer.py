"""Lists and reasons as people read them."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from endcap.cli.answer import _lines, _show


def test_what_looks_like_markup_stands_as_it_is() -> None:
    row = {"user_id": "[b]ann", "rank": 1, "item_id": "[/x]", "title": "Shirt [xl] [/b]"}
    out = io.StringIO()
    _show({"rows": 1, "file": None, "lists": [row]}, Console(file=out, width=200))
    assert out.getvalue() == "[b]ann    1  Shirt [xl] [/b]  [/x]\n"


def test_a_list_of_users_may_come_from_windows(tmp_path: Path) -> None:
    """Whose editors begin a file with a mark that is no part of the first id."""
    (tmp_path / "users.txt").write_bytes("\ufeffann\r\n 小明 \r\n\r\n".encode())
    assert _lines(tmp_path / "users.txt") == ["ann", "小明"]
