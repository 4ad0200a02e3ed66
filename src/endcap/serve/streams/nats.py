"""NATS JetStream: nats://HOST:PORT/STREAM, and ?subject= for some of its subjects.

A durable pull consumer of the group's name is made where there is none.
"""

from __future__ import annotations

from typing import Any

from endcap.serve.streams import BATCH, PAUSE, Address, Letter, Opened, as_it_came

PATIENCE = 5.0
"""Seconds until what was not acknowledged comes again. Not the usual 30: messages that arrive as
a request for them ends are dropped by the client, and wait for so long."""


def opened(address: Address) -> Opened:
    from faststream import AckPolicy
    from faststream.nats import JStream, NatsBroker, PullSub
    from nats.js.api import ConsumerConfig

    address.refuse_others("subject")
    broker = NatsBroker(address.server, apply_types=False, logger=None)
    subscriber = broker.subscriber(
        address.options.get("subject", ">"),
        stream=JStream(address.name, declare=False),
        durable=address.group,
        config=ConsumerConfig(ack_wait=PATIENCE),
        pull_sub=PullSub(BATCH, PAUSE, batch=True),
        ack_policy=AckPolicy.NACK_ON_ERROR,
        decoder=as_it_came,
    )
    return Opened(broker, (subscriber,), letters)


def letters(messages: Any) -> list[Letter]:
    return [Letter(one.data, round(one.metadata.timestamp.timestamp() * 1e6)) for one in messages]
