"""A mapping for a file that nobody knows, as far as its first rows tell.

What they do not tell is asked: such lines are commented out, with what may stand there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from endcap.importing import values
from endcap.importing.rows import Rows
from endcap.importing.words import SYNONYMS
from endcap.importing.workspace import Workspace
from endcap.tables.duck import strptime
from endcap.tables.schema import EVENT_TYPES

SAMPLE = 1_000
MOST = 0.95
"""Of the values: how many must be what a column is taken for."""

FEW = 20
"""Different values that the types of events have at most."""

KNOWN = frozenset({*EVENT_TYPES, *chain.from_iterable(SYNONYMS.values())})
"""What others call the types of events."""

LIKE = {
    "user_id": (
        *("user", "cust", "kund", "client", "member", "visitor", "buyer", "shopper", "acheteur"),
        *("usuario", "comprador", "person", "account", "用户", "会员", "客户"),
    ),
    "session_id": ("sess", "visit", "sitzung", "会话"),
    "item_id": (
        *("item", "prod", "artik", "articl", "artic", "sku", "goods", "ware", "asin", "ean"),
        *("plu", "商品", "物品"),
    ),
    "price": ("preis", "price", "prix", "precio", "prezzo", "amount", "betrag", "价格", "单价"),
    "quantity": ("menge", "qty", "quant", "anzahl", "cantidad", "数量"),
    "title": ("titel", "title", "name", "bezeichnung", "nombre", "标题", "名称"),
    "categories": ("categ", "kateg", "rubri", "warengruppe", "类目", "分类"),
    "currency": ("curr", "währ", "waehr", "devise", "moneda", "币种"),
}
"""Column of ours → what the names of others have in them."""

DAYS = {
    "day first": ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%y", "%d.%m.%y"),
    "month first": ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y"),
    "year first": ("%Y/%m/%d", "%Y%m%d"),
}
CLOCKS = (" %H:%M:%S", " %H:%M", "", "T%H:%M:%S", " %I:%M:%S %p", " %I:%M %p")


@dataclass(frozen=True)
class _Sample:
    """The first rows of a file as texts, a tuple for each."""

    names: Sequence[str]
    rows: Sequence[tuple[str | None, ...]]

    def of(self, name: str) -> list[str]:
        place = self.names.index(name)
        return [row[place] for row in self.rows if row[place] is not None]  # type: ignore[misc]


def propose(rows: Rows, work: Workspace, name: str) -> str:
    """The mapping as TOML, ready to be pasted into a file."""
    names = [*rows.columns]
    first = rows.table.head(SAMPLE).select(
        *(values.text(rows.table[one]).name(one) for one in names)
    )
    sample = _Sample(names, work.rows(work.sql(first), of=name))
    times = {one: _formats(rows, work, one, name) for one in names}
    when = next((one for one in names if times[one]), None)
    what = next((one for one in names if one != when and _is_type(sample.of(one))), None)
    taken = {one for one in (when, what) if one}
    found = _by_name([one for one in names if one not in taken])
    kind = "events" if when else "items" if "item_id" in found else "users"
    lines = [f"# A mapping for {name}: look it over, save it, and import with --mapping FILE"]
    lines += [f"kind = {json.dumps(kind)}", "", "[columns]"]
    left = [one for one in names if one not in taken and one not in found.values()]
    needed = {"events": ("user_id", "item_id"), "items": ("item_id",), "users": ("user_id",)}[kind]
    lines += [_line(ours, found.get(ours), left) for ours in dict.fromkeys((*needed, *found))]
    if kind == "events":
        lines += _time_lines(when, times[when] if when else []) + _type_lines(what, sample)
    return "\n".join(lines) + "\n"


def _line(ours: str, theirs: str | None, left: Sequence[str]) -> str:
    if theirs is not None:
        return f"{ours} = {json.dumps(theirs, ensure_ascii=False)}"
    return f'# {ours} = "…"  # which? One of: {", ".join(left) or "no column is left"}'


def _by_name(names: Sequence[str]) -> dict[str, str]:
    """The columns whose names say what they are; of several of a kind the first."""
    found: dict[str, str] = {}
    for ours, parts in LIKE.items():
        for name in names:
            if name not in found.values() and any(part in name.casefold() for part in parts):
                found[ours] = name
                break
    return found


def _is_type(texts: Sequence[str]) -> bool:
    """Few different values, some of which are known to be types of events."""
    different = {*map(_plain, texts)}
    return 0 < len(different) <= FEW and bool(different & KNOWN)


def _plain(text: str) -> str:
    return text.lower().replace(" ", "_").replace("-", "_")


def _formats(rows: Rows, work: Workspace, column: str, name: str) -> list[str]:
    """How the column writes times: one way where it is sure, several where it is not, "" where it
    is understood without being told, nothing where it has no times."""
    text = values.text(rows.table.head(SAMPLE)[column])
    some = rows.table.head(SAMPLE).mutate(text=text)
    ways = {
        day + clock: strptime(some.text, [day + clock]).notnull().sum()
        for days in DAYS.values()
        for day in days
        for clock in CLOCKS
    }
    whole = some.text.try_cast("float64")
    plain = values.moment(some.text).notnull() & (whole.isnull() | (whole > 1e8))
    counts: Mapping[str, Any] = {"all": some.text.count(), "": plain.sum(), **ways}
    query = some.agg(**{f"n{place}": one for place, one in enumerate(counts.values())})
    (found,) = work.rows(work.sql(query), of=name)
    total, *read = (int(value or 0) for value in found)
    sure = [way for way, n in zip([*counts][1:], read, strict=True) if total and n >= MOST * total]
    return [""] if "" in sure else sure


def _time_lines(column: str | None, formats: Sequence[str]) -> list[str]:
    if column is None:
        return ['# timestamp = "…"  # no column is understood as a time: say which, and its format']
    said = json.dumps(column, ensure_ascii=False)
    if formats == [""]:
        return [f"timestamp = {said}"]
    if len(formats) == 1:
        return [f'timestamp = {{ column = {said}, format = "{formats[0]}" }}']
    head = "# Is the day first or the month? Take away the # of the one that is right:"
    return [head, *(f'# timestamp = {{ column = {said}, format = "{one}" }}' for one in formats)]


def _type_lines(column: str | None, sample: _Sample) -> list[str]:
    if column is None:
        return ['event_type = { constant = "purchase" }  # no column says what happened: is it so?']
    texts = sorted(set(sample.of(column)))
    strange = [text for text in texts if _plain(text) not in KNOWN]
    said = json.dumps(column, ensure_ascii=False)
    if not strange:
        return [f"event_type = {said}"]
    pairs = ", ".join(f'{json.dumps(one, ensure_ascii=False)} = "…"' for one in strange)
    return [
        f"event_type = {said}",
        f"# event_type = {{ column = {said}, values = {{ {pairs} }} }}  # one of ours for each",
    ]
