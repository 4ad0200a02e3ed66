"""Any table whose columns have names that can be understood."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import ibis

from endcap.errors import SourceError
from endcap.importing.nested import Told
from endcap.importing.rows import Rows
from endcap.importing.values import unit
from endcap.sources import Extract, Given
from endcap.tables.schema import TABLES

PERSON = {
    "user_id": (
        *("user", "uid", "visitorid", "visitor", "customerid", "customer", "customerno"),
        *("householdid", "household", "memberid", "member", "buyerid", "buyer", "shopperid"),
        *("clientid", "accountid", "reviewerid", "profileid", "personid", "userno"),
        *("用户id", "用户", "用户编号", "会员id", "会员", "客户id"),
    ),
}
VISIT = {
    "anonymous_id": ("anonymous", "anonid", "cookieid", "cookie", "deviceid"),
    "session_id": ("session", "usersession", "sessid", "visitid", "会话id"),
}
ITEM = {
    "item_id": (
        *("item", "productid", "product", "articleid", "article", "aid", "sku", "skuid"),
        *("asin", "parentasin", "goodsid", "goods", "itemno", "productno", "stockcode"),
        *("movieid", "bookid", "artistid", "trackid", "contentid", "materialid", "variantid"),
        *("商品id", "商品", "商品编号", "物品id"),
    ),
}
TIME = {
    "timestamp": (
        *("ts", "time", "datetime", "eventtime", "eventtimestamp", "date", "tdat", "unixtime"),
        *("unixtimestamp", "timestampms", "unixreviewtime", "transactiontimestamp", "eventdate"),
        *("invoicedate", "orderdate", "purchasedate", "createdat", "createtime", "occurredat"),
        *("day", "时间", "时间戳", "日期", "行为时间"),
    ),
}
PLACE = {"position": ("rank", "slot", "位置"), "placement": ("widget", "slotname", "版位")}
MONEY = {
    "price": ("unitprice", "listprice", "regularprice", "amount", "价格", "单价"),
    "currency": ("currencycode", "币种"),
}

NAMES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "events": {
        "event_id": ("eventuuid", "uuid"),
        "event_type": (
            *("event", "eventname", "behavior", "behaviour", "behaviortype", "behaviourtype"),
            *("type", "action", "actiontype", "interaction", "interactiontype", "行为", "行为类型"),
        ),
        **PERSON,
        **VISIT,
        **ITEM,
        **TIME,
        "value": ("rating", "score", "stars", "overall", "salesvalue", "revenue", "评分"),
        "quantity": ("qty", "count", "units", "数量"),
        **MONEY,
        **PLACE,
        "recommendation_id": ("recommendation",),
        "query": ("searchquery", "searchterm", "searchtext", "搜索词"),
        "context": ("properties", "eventproperties"),
    },
    "items": {
        "item_id": (*ITEM["item_id"], "id", "编号"),
        "title": (
            *("name", "productname", "prodname", "producttitle", "itemname", "itemtitle"),
            *("标题", "名称", "商品名称", "商品标题"),
        ),
        "description": ("desc", "detaildesc", "longdescription", "text", "描述", "商品描述"),
        "categories": (
            *("category", "categorypath", "categorycode", "producttype", "googleproductcategory"),
            *("categoryname", "genres", "categoryid", "类目", "分类", "品类"),
        ),
        "brand": ("brandname", "manufacturer", "vendor", "maker", "品牌"),
        **MONEY,
        "sale_price": ("saleprice", "specialprice", "discountprice", "促销价"),
        "availability": ("instock", "stock", "available", "inventory", "stockstatus", "库存"),
        "image_url": ("image", "imagelink", "imageurl", "imgurl", "img", "picture", "图片"),
        "url": ("link", "producturl", "itemurl", "链接"),
        "parent_id": ("parent", "itemgroupid", "parentsku", "spuid"),
        "created_at": ("created", "createtime", "dateadded", "publishedat", "上架时间"),
        "expires_at": ("expires", "expirationdate", "availableuntil", "下架时间"),
        "attributes": ("features", "attrs", "属性"),
        "tags": ("tag", "keywords", "labels", "标签"),
    },
    "users": {
        "user_id": (*PERSON["user_id"], "id"),
        "attributes": ("properties", "attrs", "属性"),
        "created_at": ("created", "registeredat", "signupdate", "joined", "createtime", "注册时间"),
    },
    "impressions": {
        "recommendation_id": ("recommendation", "requestid", "listid"),
        **PERSON,
        **VISIT,
        **TIME,
        **ITEM,
        **PLACE,
        "score": (),
        "release": ("model", "modelversion"),
        "propensity": ("probability", "chance"),
    },
    "triples": {
        "head": ("subject", "headid", "头实体"),
        "relation": ("predicate", "relationid", "property", "关系"),
        "tail": ("object", "tailid", "尾实体"),
    },
}
"""Column of ours → what others call it, the surest first; case and punctuation aside."""

ABOUT_ITEMS = frozenset(NAMES["items"]) - {"item_id"}
VISITOR = frozenset({"user_id", "anonymous_id", "session_id"})
FACT = frozenset({"head", "relation", "tail"})
NEEDED: Mapping[str, tuple[frozenset[str], ...]] = {
    "events": (VISITOR, frozenset({"timestamp"}), frozenset({"item_id", "query"})),
    "items": (frozenset({"item_id"}),),
    "users": (frozenset({"user_id"}),),
    "impressions": (frozenset({"recommendation_id"}), frozenset({"item_id"})),
    "triples": tuple(frozenset({name}) for name in sorted(FACT)),
}
"""Of each set, a table must have at least one column."""


def recognises(given: Given) -> float:
    """Half sure of every file that has a column about an item or a visitor, or facts."""
    if given.rows is None:
        return 0.0
    found = {name for kind in TABLES for name in mapping(kind, given.rows.columns)}
    return 0.5 if found & (VISITOR | {"item_id"}) or found >= FACT else 0.0


def read(given: Given) -> list[Extract]:
    """Raises SourceError where the file could be more than one table, or lacks a column."""
    file = given.file
    kind = given.kind or sniff(given.name, file.columns)
    columns: dict[str, Any] = dict(mapping(kind, file.columns))
    _check(given.name, kind, columns, file.columns)
    if kind == "events" and "event_type" not in columns:
        known = "rate" if _normal(str(columns.get("value"))) in ("rating", "stars") else "purchase"
        words = f"{known}, for every row, as no column says what happened"
        columns["event_type"] = Told(ibis.literal(known), words)
    if time := columns.get("timestamp"):
        columns["timestamp"] = Told(time, f"{time} ({_unit(given, file, time)})")
    return [given.extract(kind, columns, file.table)]


def mapping(kind: str, columns: Sequence[str]) -> dict[str, str]:
    """Column of ours → column of the file, for those that are understood."""
    normal = {_normal(name): name for name in reversed(columns)}
    found: dict[str, str] = {}
    for name, others in NAMES[kind].items():
        for other in (_normal(name), *others):
            if other in normal and normal[other] not in found.values():
                found[name] = normal[other]
                break
    return found


def sniff(name: str, columns: Sequence[str]) -> str:
    """The table that a file is for, by its columns. Raises SourceError where it is not sure."""
    event, item, user = (mapping(kind, columns) for kind in ("events", "items", "users"))
    visitor = VISITOR & event.keys()
    subject = event.keys() & {"item_id", "query"}
    if mapping("triples", columns).keys() >= FACT and not visitor and "item_id" not in item:
        return "triples"
    if "recommendation_id" in event and "item_id" in event and "event_type" not in event:
        return "impressions"
    if visitor and "timestamp" in event and subject:
        return "events"
    if "item_id" in item and not visitor and ABOUT_ITEMS & item.keys():
        return "items"
    if "user_id" in user and "item_id" not in event:
        return "users"
    raise SourceError(
        f"{name} may be events, items or users: it has {', '.join(columns)}",
        expected="events with a visitor, an item and a time, items with a title, a price or "
        "categories, users, or facts with a head, a relation and a tail",
        mend="Say which with --kind",
    )


def _check(name: str, kind: str, columns: Mapping[str, str], all_: Sequence[str]) -> None:
    for some in NEEDED[kind]:
        if not some & columns.keys():
            raise SourceError(
                f"{name} can't be {kind}: no column is understood as {' or '.join(sorted(some))} "
                f"(it has {', '.join(all_)})",
                mend="Say what it is in a mapping; `endcap import --dry-run` proposes one",
            )


def _unit(given: Given, rows: Rows, column: str) -> str:
    """How times are written, from the first rows."""
    first = rows.table.head(1_000)
    units = first.select(unit=unit(first[column])).distinct().order_by("unit")
    found = given.work.rows(given.work.sql(units), of=given.name)
    return " or ".join(name for (name,) in found)


def _normal(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()
