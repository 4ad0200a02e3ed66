"""Codes: every item and every visitor gets a number, in the order of their ids."""

from __future__ import annotations

import ibis
from ibis import _
from ibis.expr.types import Table

from endcap.tables.engines import Engine
from endcap.tables.schema import ITEMS, USERS


def items(listed: Table, seen: Table) -> Table:
    """The catalogue and all items that were seen, by item_id, with the codes of what they are.

    listed: the catalogue, one row an item. seen: item_id, without repeats.
    category: the full path of the first of `categories`; department: its root. Codes count
    from 1 in the order of the names; 0 is none.
    """
    known = _with_seen(listed, seen)
    path = _.categories[0].re_replace(r"\s*>\s*", " > ").strip().nullif("")
    named = known.mutate(path=path).mutate(root=_.path.split(" > ")[0])
    coded = named.mutate(
        category=_code(named.path),
        department=_code(named.root),
        brand_code=_code(named.brand.nullif("")),
    )
    return coded.drop("path", "root").order_by("item_id")


def users(listed: Table, seen: Table) -> Table:
    """All visitors of the log by their id, with what is known of them."""
    known = seen.left_join(listed, "user_id").select(USERS.names)
    return known.order_by("user_id")


def seen(log: Table, name: str, keys: Table, engine: Engine) -> Table:
    """The ids that a column of the log has and that have one of the keys, each once.

    keys: a table of one column.
    """
    [key], ids = keys.columns, log.select(name).distinct()
    return ids.mutate(**{key: engine.hash(ids[name])}).semi_join(keys, key).select(name)


def _with_seen(listed: Table, seen: Table) -> Table:
    listed = listed.select(ITEMS.names)
    blank = {name: ibis.null(type_) for name, type_ in listed.drop("item_id").schema().items()}
    unlisted = seen.anti_join(listed, "item_id").mutate(**blank)
    return listed.union(unlisted.select(ITEMS.names))


def _code(name: ibis.Value) -> ibis.Value:
    rank = ibis.dense_rank().over(ibis.window(order_by=name.asc(nulls_first=False))) + 1
    return ibis.ifelse(name.isnull(), 0, rank).cast("int32")
