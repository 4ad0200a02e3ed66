"""What the order exports of shop systems share."""

from __future__ import annotations

from typing import Any

import ibis

TYPE = "type of event"
"""The column that says whether a row is the purchase or the refund."""


def with_refunds(lines: Any, refunded: Any) -> Any:
    """Each line of an order as a purchase, and once more as a refund where it was taken back."""
    kinds = ibis.ifelse(refunded.fill_null(False), ["purchase", "refund"], ["purchase"])
    return lines.mutate(**{TYPE: kinds.unnest()})


def whole_order(lines: Any, order: str, line: str, *columns: str) -> Any:
    """Columns that only the first line of an order has, on all of its lines."""
    same = ibis.window(group_by=order)
    filled = {name: lines[name].argmin(lines[line]).over(same) for name in columns}
    return lines.mutate(**filled)
