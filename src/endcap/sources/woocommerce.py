"""WooCommerce: orders as CSV with a row for each item, as its export extensions write them.

order_number,date,status,customer_id,billing_email,item_sku,item_name,item_quantity,item_total
"""

from __future__ import annotations

import ibis

from endcap.importing import values
from endcap.importing.nested import Told, at, text_at
from endcap.importing.orders import TYPE, with_refunds
from endcap.sources import Extract, Given

ORDER = ("order_number", "order_id", "Order Number", "Order ID")
STATUS = ("status", "order_status", "Order Status")
QUANTITY = ("item_quantity", "Quantity", "Quantity (- Refund)")
TOTAL = ("item_total", "Order Line Total")
BACK = ("item_refunded_qty", "Quantity Refunded")

USER = ("customer_id", "customer_user", "Customer User ID")
ITEM = ("item_sku", "SKU", "item_product_id", "Product Id", "item_id")

EVENTS = {
    "event_type": Told(TYPE, "purchase, and refund"),
    "anonymous_id": ("billing_email", "customer_email", "Email (Billing)"),
    "item_id": ITEM,
    "timestamp": ("date", "order_date", "Order Date"),
    "currency": ("order_currency", "currency", "Order Currency"),
}

BOUGHT = ("completed", "processing", "on-hold", "refunded")
UNDONE = ("refunded",)


def recognises(given: Given) -> float:
    columns = given.columns
    names = (ORDER, STATUS, QUANTITY, (*ITEM, "item_name"))
    return 0.9 * all(columns & {*some} for some in names)


def read(given: Given) -> list[Extract]:
    lines = given.file.table.mutate(line=ibis.row_number())
    lines = lines.mutate(
        status=text_at(lines, STATUS).lower().re_replace("^wc-", ""),
        order=text_at(lines, ORDER),
    )
    place = ibis.row_number().over(ibis.window(group_by="order", order_by="line"))
    lines = lines.mutate(place=place, back=values.number(at(lines, BACK)).abs())
    whole = lines.status.isin(UNDONE)
    events = with_refunds(lines, whole | (lines.back > 0)).order_by("line")
    refund = events[TYPE] == "refund"
    quantity = values.number(at(events, QUANTITY))
    number = "woocommerce-" + events["order"] + "-" + events.place.cast("string")
    number += ibis.ifelse(refund, "-refund", "")
    taken = ibis.ifelse(refund & (events.back > 0), events.back, quantity)
    price = values.number(at(events, TOTAL)) / quantity.nullif(0)
    guest = text_at(events, USER).nullif("0")
    columns = {
        **EVENTS,
        "user_id": Told(guest, " or ".join(USER) + ", but 0"),
        "event_id": Told(number, "the order's number and the line's place"),
        "quantity": Told(taken, " or ".join((*QUANTITY, *BACK))),
        "price": Told(price, f"{TOTAL[0]} / {QUANTITY[0]}"),
        "problem": ibis.cases((events.status.notin(BOUGHT), "order_not_placed")),
    }
    used = ("line", "place", "back", "order", *ORDER, *USER)
    return [given.extract("events", columns, events, used)]
