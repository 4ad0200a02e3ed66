"""What an item must be to stand in the catalogue."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    field_validator,
)

from endcap.serve.bodies import Strict
from endcap.serve.event_schema import Id, Moment, Text, VisitorId, brief
from endcap.serve.problems import told
from endcap.store.items import Item as Row
from endcap.store.people import text_of
from endcap.tables.markets import PRICES
from endcap.tables.schema import ITEMS

LABELS = 100
"""Categories or tags of an item."""

ATTRIBUTES = 50_000
"""Characters of an item's attributes."""

Label = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Money = Annotated[float | None, Field(ge=0, allow_inf_nan=False)]


class Price(Strict):
    """What an item costs in a market."""

    price: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    sale_price: Money = None
    currency: Text = None


_PRICES = TypeAdapter(dict[Label, Price])


class Item(Strict):
    """Something for sale."""

    item_id: Id = Field(description="the name that events call it by")
    title: Text = Field(None, description="what it is called")
    description: Annotated[str | None, StringConstraints(max_length=100_000)] = Field(
        None, description="what it is"
    )
    categories: Annotated[list[Label], Field(max_length=LABELS)] | None = Field(
        None, description="paths like Toys > Dolls, the most fitting first"
    )
    brand: Text = Field(None, description="who makes it")
    price: Money = Field(None, description="of one, in the currency")
    sale_price: Money = Field(None, description="of one, where it is reduced")
    currency: Text = Field(None, description="of the price: EUR, say")
    availability: Literal["in_stock", "out_of_stock", "preorder"] | None = Field(
        None, description="in_stock, out_of_stock or preorder; in stock where it is not given"
    )
    image_url: Text = Field(None, description="of a picture")
    url: Text = Field(None, description="of its page")
    parent_id: VisitorId = Field(None, description="the product that it is a variant of")
    created_at: Moment = Field(None, description="not shown before, and new since then")
    expires_at: Moment = Field(None, description="not shown from then on")
    attributes: Annotated[dict[str, Any] | None, brief(ATTRIBUTES)] = Field(
        None,
        description="whatever else there is to say, which filters may ask for; in prices, what it "
        "costs in each market",
    )
    tags: Annotated[list[Label], Field(max_length=LABELS)] | None = Field(
        None, description="words to find it by"
    )

    @field_validator("attributes")
    @classmethod
    def _priced(cls, attributes: dict[str, Any] | None) -> dict[str, Any] | None:
        if attributes and PRICES in attributes:
            try:
                _PRICES.validate_python(attributes[PRICES])
            except ValidationError as error:
                raise ValueError(f"{PRICES}: {told(error)}") from error
        return attributes

    def row(self) -> Row:
        """As the table of items has it."""
        row = self.model_dump() | {"attributes": text_of(self.attributes)}
        return {name: row[name] for name in ITEMS.names}


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row, or some of its columns, as JSON has it: no NaN, and attributes as an object, where
    they are one."""
    shown = dict(row)
    if shown.get("attributes"):
        with suppress(ValueError):
            shown["attributes"] = json.loads(shown["attributes"])
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in shown.items()
    }


def patched(value: Any, patch: Any) -> Any:
    """A value after a JSON merge patch (RFC 7396): null removes.

    >>> patched({"a": 1, "b": {"c": 2, "d": 3}}, {"a": None, "b": {"c": 4}})
    {'b': {'c': 4, 'd': 3}}
    """
    if not isinstance(patch, dict):
        return patch
    kept = dict(value) if isinstance(value, dict) else {}
    for name, part in patch.items():
        if part is None:
            kept.pop(name, None)
        else:
            kept[name] = patched(kept.get(name), part)
    return kept
