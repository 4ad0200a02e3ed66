"""Texts that were read in the wrong encoding.

CafÃ© for Café, boxes for Chinese, &amp;amp; for &: a text that was saved or read as what it is not.
"""

from __future__ import annotations

from contextlib import suppress

import ibis
from ibis import _
from ibis.expr.types import Table

from endcap.doctor.finding import EXAMPLES, Finding
from endcap.doctor.log import Log
from endcap.tables.prepare.checks import grade, percent
from endcap.tables.rows import count_of, rows_of

HIGH = "\u00a1-\u00fe"
"""What both bytes of a Chinese character in GBK become."""

SIGNS = {
    "a letter that was lost": "\ufffd|锟斤拷|\\?{4,}",
    "UTF-8 read as Western": (
        "[ÃÂ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹Œ‘’“”•–—˜™š›œžŸ]|â€|ï»¿|[åæçèé][\u0080-\u00bf]{2}"
    ),
    "Chinese read as Western": f"[°-÷][{HIGH}]([°-÷][{HIGH}]){{2}}",
    "written twice for the web": "&amp;(amp|lt|gt|quot|#\\d+);|&amp;nbsp;",
    "codes in place of letters": "\\\\u[0-9a-fA-F]{4}|\\\\x[0-9a-fA-F]{2}",
}
"""What is wrong → how it looks."""

REPAIR = "Save the file as UTF-8 at its source, then: endcap import FILE"


def check(log: Log) -> Finding:
    texts = _texts(log)
    wrong = ibis.cases(*((_.text.re_search(look), name) for name, look in SIGNS.items()))
    bad = texts.mutate(wrong=wrong).filter(_.wrong.notnull())
    count = count_of(texts, _.rows.sum())
    if not count:
        return Finding("pass", "There are no texts to look at")
    found = rows_of(bad.group_by("wrong").agg(n=_.rows.sum()).order_by(_.n.desc()))
    share = sum(row["n"] for row in found) / count
    if not found:
        return Finding("pass", f"{count:,} texts are read as they are written")
    said = ", ".join(f"{row['n']:,} × {row['wrong']}" for row in found)
    some = log.examples(bad.order_by("wrong", "text"), "column", "text", "wrong")
    return Finding(
        grade(share, 0.001, 0.3),
        f"{percent(share)} of the texts are damaged: {said}",
        [{**row, "meant": _meant(row["text"])} for row in some[:EXAMPLES]],
        REPAIR if share > 0.001 else "",
    )


def _texts(log: Log) -> Table:
    """Each different text with its column and how often it is there."""
    items = log.items
    parts = [
        items.select(column=ibis.literal(name), text=items[name])
        for name in ("title", "description", "brand")
    ]
    parts.append(items.select(column=ibis.literal("categories"), text=items.categories.unnest()))
    parts.append(log.events.select(column=ibis.literal("query"), text=_.query))
    rows = ibis.union(*parts).filter(_.text.notnull())
    return rows.group_by("column", text=_.text.substr(0, 200)).agg(rows=_.count())


def _meant(text: str) -> str:
    """The text as it was meant, where that can be told; empty where not."""
    for wrong, right in (("cp1252", "utf-8"), ("latin-1", "utf-8"), ("latin-1", "gb18030")):
        with suppress(UnicodeError):
            mended = text.encode(wrong).decode(right)
            if mended != text:
                return mended
    return ""
