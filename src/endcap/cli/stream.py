"""`endcap consume`: events from Kafka, NATS JetStream or Redis streams."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from endcap.cli.output import JsonOption, ShopOption, answer, columns, open_shop, progress
from endcap.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console


def register(app: typer.Typer) -> None:
    app.command("consume")(consume)


def consume(
    url: Annotated[
        str | None,
        typer.Argument(
            help="nats://HOST:PORT/STREAM, kafka://HOST:PORT/TOPIC or redis://HOST:PORT/STREAM; "
            "`url` of [stream] where not given.",
            show_default=False,
        ),
    ] = None,
    idle: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="Stop when nothing has come for so long; never if not given.",
        ),
    ] = None,
    shop: ShopOption = None,
    json: JsonOption = False,
) -> None:
    """Take in events from a stream until stopped; none is lost and none counts twice."""
    from endcap.serve.streams import Address, Inbox
    from endcap.serve.streams.consume import consume as listen
    from endcap.store.events import LiveEvents

    opened = open_shop(shop)
    if not (url := url or opened.config.stream.url):
        raise ConfigError("No stream is named", mend="Give its URL, or set `url` in [stream]")
    address = Address.parse(url)
    with closing(LiveEvents.open(opened.live)) as live, progress() as report:
        found = listen(address, Inbox(live, opened.config.clean), idle, report)
    answer(found, json, _show)


def _show(found: dict[str, Any], console: Console) -> None:
    lines = {name: f"{found[name]:,}" for name in ("messages", "accepted", "duplicates")}
    lines |= {f"rejected: {why}": f"{count:,}" for why, count in found["rejected"].items()}
    console.print(columns(lines, title="Events from the stream"))
