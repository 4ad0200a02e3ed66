"""Users: what a shop says of them, which devices are theirs, and that they be forgotten."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse
from pydantic import Field

from endcap.experiment.forget import forget
from endcap.serve.bodies import Body, Strict, described, parsed, read
from endcap.serve.current import Current
from endcap.serve.event_schema import Id, Moment, brief
from endcap.serve.problems import Problem, documented, missing, short, wrong
from endcap.store.people import Person, text_of, unsaid

ATTRIBUTES = 10_000
"""Characters of a user's attributes."""

UserId = Annotated[Id, Path(description="the user")]


class User(Strict):
    """What a shop says of a user."""

    user_id: Id | None = Field(None, description="as in the address")
    attributes: Annotated[dict[str, Any] | None, brief(ATTRIBUTES)] = Field(
        None, description="whatever there is to say"
    )
    created_at: Moment = Field(None, description="since when they are known")


class Merge(Strict):
    """A device that turned out to be a user's."""

    anonymous_id: Id = Field(description="the device, whose past becomes the user's")


def router(current: Current) -> APIRouter:
    routes = APIRouter(prefix="/v1/users", responses=documented(404, 409))

    @routes.put("/{user_id}", openapi_extra=described(User))
    def put_user(user_id: UserId, text: Body) -> JSONResponse:
        """Say what a user is like, in place of what was said."""
        user = read(User, parsed(text))
        if user.user_id not in (None, user_id):
            raise wrong("user_id", user.user_id, f"expected {user_id!r}, as in the address")
        row = {"attributes": text_of(user.attributes), "created_at": user.created_at}
        current.people.put({"user_id": user_id, **row})
        return JSONResponse(found(current, user_id))

    @routes.get("/{user_id}")
    def get_user(user_id: UserId) -> JSONResponse:
        """What is known of a user, their devices among it."""
        return JSONResponse(found(current, user_id))

    @routes.delete("/{user_id}")
    def delete_user(user_id: UserId) -> JSONResponse:
        """Erase a person everywhere; the answer is a certificate of it."""
        certificate = forget(current.shop, user_id, current.people)
        current.refresh()
        return JSONResponse(certificate)

    @routes.post("/{user_id}/merge", openapi_extra=described(Merge))
    def merge_user(user_id: UserId, text: Body) -> JSONResponse:
        """Have the past of a device be a user's, from the next answer on."""
        device = read(Merge, parsed(text)).anonymous_id
        if current.people.merge(device, user_id) != user_id:
            detail = "it is another user's already"
            error = {"field": "anonymous_id", "value": short(device), "detail": detail}
            raise Problem(409, f"anonymous_id = {short(device)!r}: {detail}.", [error])
        return JSONResponse(found(current, user_id))

    return routes


def found(current: Current, user_id: str) -> dict[str, Any]:
    """Raises Problem 404 for one who was never heard of."""
    person = current.people.find(user_id)
    if person is None:
        if not _seen(current, user_id):
            raise missing("user", user_id)
        person = Person(unsaid(user_id))
    attributes = person.row["attributes"]
    return {
        "user_id": user_id,
        "attributes": None if attributes is None else json.loads(attributes),
        "created_at": person.row["created_at"],
        "anonymous_ids": list(person.devices),
    }


def _seen(current: Current, user_id: str) -> bool:
    """Whether there are events of a user."""
    here = current.loaded
    return bool(current.live.any_of(user_id) or (here and here.visitors.code(user_id)))
