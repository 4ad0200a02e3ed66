"""Money of several currencies.

Endcap takes all prices for one currency, as it knows no rates of exchange.
"""

from __future__ import annotations

import ibis
from ibis import _

from endcap.doctor.finding import Bars, Finding
from endcap.doctor.log import Log
from endcap.tables.prepare.checks import percent
from endcap.tables.rows import counts_of

FEW = 0.001
"""Of all prices: a currency with less is a slip that moves nothing."""


def check(log: Log) -> Finding:
    paid = log.events.filter(_.currency.notnull(), _.price.notnull())
    listed = log.items.filter(_.currency.notnull(), _.price.notnull())
    named = (rows.select(currency=_.currency.upper()) for rows in (paid, listed))
    counts = counts_of(ibis.union(*named), "currency")
    names = [*counts]
    if len(names) < 2:
        said = f"All prices are in {names[0]}" if names else "No price names a currency"
        return Finding("pass", said)
    main, others = names[0], sum(counts[name] for name in names[1:])
    share = others / sum(counts.values())
    odd = paid.filter(_.currency.upper() != main)
    return Finding(
        "warn" if share > FEW else "pass",
        f"{percent(share)} of the prices are not in {main}, but in {', '.join(names[1:6])}",
        log.examples(odd, "item_id", "price", "currency", "visitor", "time"),
        f"Import what is in {main} alone, or have prices turned into it before the export"
        if share > FEW
        else "",
        Bars("Prices by currency", names[:8], [counts[name] for name in names[:8]], [*range(1, 8)]),
    )
