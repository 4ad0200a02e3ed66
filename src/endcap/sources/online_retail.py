"""Online Retail and Online Retail II: the invoices of a wholesaler for gifts, as CSV.

InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,WHITE HANGING HEART T-LIGHT HOLDER,6,12/1/2010 8:26,2.55,17850,United Kingdom
"""

from __future__ import annotations

from typing import Any

import ibis

from endcap.importing import values
from endcap.importing.nested import Told, as_json, at, text_at
from endcap.sources import Extract, Given
from endcap.tables.duck import epoch_us, strptime

INVOICE, PRICE = ("InvoiceNo", "Invoice"), ("UnitPrice", "Price")
CUSTOMER = ("CustomerID", "Customer ID")

NEEDED = ("StockCode", "Description", "Quantity", "InvoiceDate")

DATES = ("%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S")
"""As the spreadsheets write them: the month first."""

SERVICES = r"(?i)^(POST|D|M|DOT|C2|C3|S|B|CRUK|AMAZONFEE|BANK CHARGES|ADJUST\w*|TEST\w*)$"
"""Stock codes of postage, discounts, fees and corrections."""

EVENTS = {
    "event_type": Told("kind", "purchase, or refund where the invoice begins with C"),
    "user_id": CUSTOMER,
    "session_id": Told("number", " or ".join(INVOICE)),
    "item_id": "StockCode",
    "timestamp": Told("time", "InvoiceDate, the month first"),
    "price": PRICE,
}


def recognises(given: Given) -> float:
    named = given.columns & {*INVOICE} and given.columns & {*PRICE}
    return float(bool(named) and given.columns >= {"StockCode", "InvoiceDate", "Quantity"})


def read(given: Given) -> list[Extract]:
    rows = as_json(given.file.table, NEEDED)
    number, date = text_at(rows, INVOICE), at(rows, "InvoiceDate")
    undone = number.upper().startswith("C")
    written = epoch_us(strptime(text_at(rows, "InvoiceDate"), ibis.array([*DATES])))
    time = ibis.coalesce(values.moment(date), written).cast("string")
    lines = rows.mutate(
        number=number,
        kind=ibis.ifelse(undone, "refund", "purchase"),
        # A time that can't be read stays as it is, to be told apart from one that is missing.
        time=ibis.coalesce(time, text_at(rows, "InvoiceDate")),
        amount=values.number(at(rows, "Quantity")),
        code=text_at(rows, "StockCode"),
    )
    return [_events(given, lines), _items(given, lines)]


def _events(given: Given, lines: Any) -> Extract:
    plain = lines.number.re_search(r"^[Cc]?\d+$")
    wrong = ~plain | ((lines.amount < 0) & (lines.kind == "purchase"))
    columns = {
        **EVENTS,
        "quantity": Told(lines.amount.abs(), "Quantity"),
        "problem": ibis.cases(
            (lines.code.re_search(SERVICES), "not_an_item"), (wrong, "correction")
        ),
    }
    used = ("number", "kind", "time", "amount", "code", "Quantity", "InvoiceDate", *INVOICE)
    return given.extract("events", columns, lines, (*used, "Description"))


def _items(given: Given, lines: Any) -> Extract:
    sold = lines.filter((lines.kind == "purchase") & (lines.amount > 0) & lines.code.notnull())
    sold = sold.filter(~sold.code.re_search(SERVICES))
    sold = sold.mutate(paid=values.number(at(sold, PRICE)).nullif(0))
    items = sold.group_by("code").agg(
        title=text_at(sold, "Description").argmax(sold.time), price=sold.paid.median().round(2)
    )
    columns = {
        "item_id": "code",
        "title": Told("title", "the newest Description"),
        "price": Told("price", f"median of {PRICE[0]}"),
        "currency": "currency",
    }
    return given.extract("items", columns, items.mutate(currency=ibis.literal("GBP")))
