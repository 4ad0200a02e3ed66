"""Redis streams: redis://HOST:PORT/STREAM, and ?db= for a database other than 0.

An entry has one field with the JSON of an event or a list of them, or the fields of an event.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from endcap.serve.streams import BATCH, PAUSE, Address, Letter, Opened, as_it_came

log = logging.getLogger("endcap.stream")

IDLE = 60_000
"""Milliseconds after which what was delivered and never acknowledged is taken over."""


def opened(address: Address) -> Opened:
    from faststream.redis import RedisBroker

    address.refuse_others("db")
    url = f"{address.server}/{address.options.get('db', 0)}"
    broker = RedisBroker(url, apply_types=False, logger=log)
    new = _subscriber(broker, address)
    left = _subscriber(broker, address, min_idle_time=IDLE)
    return Opened(broker, (new, left), letters, lambda: _begin(url, address))


def _subscriber(broker: Any, address: Address, **more: Any) -> Any:
    from faststream import AckPolicy
    from faststream.redis import StreamSub

    stream = StreamSub(
        address.name,
        group=address.group,
        consumer=address.group,
        batch=True,
        max_records=BATCH,
        polling_interval=round(PAUSE * 1000),
        declare=False,
        **more,
    )
    policy = AckPolicy.NACK_ON_ERROR
    return broker.subscriber(stream=stream, ack_policy=policy, decoder=as_it_came)


async def _begin(url: str, address: Address) -> None:
    """Have the group, from the oldest entry on, where there is none yet."""
    from redis.asyncio import from_url
    from redis.exceptions import ResponseError

    client: Any = from_url(url)
    try:
        await client.xgroup_create(address.name, address.group, id="0")
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise
    finally:
        await client.aclose()


def letters(raw: Any) -> list[Letter]:
    """The moment of an entry is in its id, in milliseconds."""
    times = [int(bytes(one).partition(b"-")[0]) * 1000 for one in raw["message_ids"]]
    return [Letter(_body(fields), time) for fields, time in zip(raw["data"], times, strict=True)]


def _body(fields: dict[bytes, bytes]) -> bytes:
    if len(fields) == 1:
        return next(iter(fields.values()))
    texts = {
        key.decode(errors="replace"): value.decode(errors="replace")
        for key, value in fields.items()
    }
    return json.dumps(texts).encode()
