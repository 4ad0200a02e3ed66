"""Lists and reasons as people read them."""

from __future__ import annotations

import io

from rich.console import Console

from endcap.cli.answer import _show


def test_what_looks_like_markup_stands_as_it_is() -> None:
    row = {"user_id": "[b]ann", "rank": 1, "item_id": "[/x]", "title": "Shirt [xl] [/b]"}
    out = io.StringIO()
    _show({"rows": 1, "file": None, "lists": [row]}, Console(file=out, width=200))
    assert out.getvalue() == "[b]ann    1  Shirt [xl] [/b]  [/x]\n"
