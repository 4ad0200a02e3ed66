"""What may be asked: the bodies of `/v1/recommend` and `/v1/similar`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
)

from endcap.serve.bodies import MOST, Strict
from endcap.serve.event_schema import Id, VisitorId, blank
from endcap.serve.reason_texts import Language
from endcap.tables.markets import MARKET, known_as, named
from endcap.tables.schema import ITEMS

Fields = Annotated[list[str], Field(max_length=len(ITEMS))]


# As it came, so that the place of a mistake is the caller's.
_AsItCame = Annotated[str, StringConstraints(strip_whitespace=False)]
Filter = Annotated[_AsItCame | None, BeforeValidator(blank)]

Context = Annotated[
    dict[str, Any],
    Field(
        max_length=50,
        description="what is known of the visitor and the moment: device, country, campaign, what "
        "they say they like; texts, numbers or lists of them",
    ),
]


class Told(Strict):
    """What all requests for items have in common."""

    fields: Fields = Field(
        default_factory=list, description="columns of the items to answer with, title for one"
    )

    @field_validator("fields")
    @classmethod
    def _known(cls, fields: list[str]) -> list[str]:
        for name in fields:
            if name not in ITEMS.names:
                raise ValueError(f"{name!r} is not one of {', '.join(ITEMS.names)}")
        return fields


class Who(BaseModel):
    """Whom items are for, and what is known of them."""

    user_id: VisitorId = Field(None, description="someone signed in")
    anonymous_id: VisitorId = Field(None, description="a device")
    session_id: VisitorId = Field(None, description="a visit")
    context: Context = Field(default_factory=dict)

    def visitor(self) -> str | None:
        return self.user_id or self.anonymous_id or self.session_id

    def market(self) -> str | None:
        """The one whose prices count, None for those of the catalogue."""
        market = self.context.get(MARKET)
        return known_as(market) if isinstance(market, str) else None


class Question(Told):
    """A request that looks for items. What it says of a market: see `endcap.tables.markets`."""

    n: int = Field(10, ge=1, le=100, description="items to answer with")
    filter: Filter = Field(
        None, description="which items to answer with: price < 20 and available, say"
    )

    def market(self) -> str | None:
        """The one that the filter asks for."""
        return None if (market := named(self.filter)) is None else known_as(market)


class Look(Who, Question):
    """Who is asking, where, and what the answer should hold."""

    placement: str = Field("home", description="the place in the shop where the list is shown")
    items: list[Id] = Field(
        default_factory=list,
        max_length=MOST,
        description="what the list is about: the product shown, the basket",
    )
    exclude: list[Id] = Field(
        default_factory=list, max_length=MOST, description="items not to answer with"
    )
    after: VisitorId = Field(
        None,
        description="the recommendation_id of the page before: its items, and those of the pages "
        "before it, don't come again",
    )
    explain: bool = Field(False, description="whether to give a reason for each item")
    language: Language | None = Field(
        None, description="of the reasons: en or zh; as Accept-Language says where it is not given"
    )

    def market(self) -> str | None:
        """As the context says, or else the filter."""
        return Who.market(self) or Question.market(self)


class Just(BaseModel):
    """Something that has just happened."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True, coerce_numbers_to_str=True)

    item_id: Id
    event_type: str = "view"


Events = Annotated[
    list[Just],
    Field(
        max_length=MOST,
        description="what the visitor has just done, oldest first; it counts and is not kept",
    ),
]


class Ask(Look):
    """A request for recommendations."""

    events: Events = Field(default_factory=list)


class Rank(Who, Told):
    """A request to order items."""

    items: list[Id] = Field(max_length=MOST, description="what to order")
    events: Events = Field(default_factory=list)
    placement: str = Field("home", description="by whose retrievers and ranker to order")


class Why(Ask):
    """A request to say why an item is shown, or is not."""

    item_id: Id = Field(description="the item in question")


class Rerun(Strict):
    """A request to ask again what was asked."""

    release: str = Field(min_length=1, max_length=100, description="the release to ask")


class Like(Question):
    """A request for items that go with an item."""

    item_id: Id = Field(description="the item that others go with")
