"""Kafka: kafka://HOST:PORT/TOPIC, several brokers with commas between.

A group that is new begins with the oldest message. With kafka://NAME:PASSWORD@… it signs in by
SASL, over TLS unless ?tls=no.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from endcap.serve.streams import BATCH, PAUSE, Address, Letter, Opened, as_it_came


def opened(address: Address) -> Opened:
    from faststream import AckPolicy
    from faststream.kafka import KafkaBroker
    from faststream.security import SASLPlaintext

    address.refuse_others("tls")
    who, _, servers = address.server.removeprefix("kafka://").rpartition("@")
    name, _, password = who.partition(":")
    signed = SASLPlaintext(
        unquote(name), unquote(password), use_ssl=address.options.get("tls") != "no"
    )
    broker = KafkaBroker(
        servers.split(","), security=signed if who else None, apply_types=False, logger=None
    )
    subscriber = broker.subscriber(
        address.name,
        group_id=address.group,
        auto_offset_reset="earliest",
        batch=True,
        max_records=BATCH,
        batch_timeout_ms=round(PAUSE * 1000),
        ack_policy=AckPolicy.NACK_ON_ERROR,
        decoder=as_it_came,
    )
    return Opened(broker, (subscriber,), letters)


def letters(records: Any) -> list[Letter]:
    return [Letter(one.value or b"", one.timestamp * 1000) for one in records]
