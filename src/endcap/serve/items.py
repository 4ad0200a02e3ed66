"""The live catalogue: what is said of an item counts in the next answer."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from endcap.serve.bodies import Body, described, parsed, several
from endcap.serve.current import Current
from endcap.serve.event_schema import Id
from endcap.serve.item_schema import Item, patched, plain
from endcap.serve.problems import documented, missing, refused, told, wrong
from endcap.store.items import Item as Row
from endcap.store.items import Word
from endcap.tables.schema import ITEMS

ItemId = Annotated[Id, Path(description="the item")]


def router(current: Current) -> APIRouter:
    routes = APIRouter(prefix="/v1/items", responses=documented(404))

    @routes.post("", openapi_extra=described(Item, many=True))
    def post_items(text: Body) -> JSONResponse:
        """Put one item, or a list of up to 1,000: whole, in place of what was. Bad ones are named
        and take no good ones down."""
        return JSONResponse(put_all(current, parsed(text)))

    @routes.put("/{item_id:path}", openapi_extra=described(Item, optional=["item_id"]))
    def put_item(item_id: ItemId, text: Body) -> JSONResponse:
        """Put an item: whole, in place of what was."""
        row = _checked(item_id, parsed(text)).row()
        current.goods.put([row])
        return JSONResponse(plain(row))

    @routes.patch("/{item_id:path}", openapi_extra=described(Item, optional=["item_id"]))
    def patch_item(item_id: ItemId, text: Body) -> JSONResponse:
        """Change some fields of an item: a JSON merge patch, in which null removes."""
        return JSONResponse(amend(current, item_id, parsed(text)))

    @routes.get("/{item_id:path}")
    def get_item(item_id: ItemId) -> JSONResponse:
        """An item as it is now."""
        return JSONResponse(plain(find(current, item_id)))

    @routes.delete("/{item_id:path}", status_code=204)
    def delete_item(item_id: ItemId) -> Response:
        """Take an item out of the catalogue."""
        if not current.goods.remove(item_id, _released(current, item_id)):
            raise missing("item", item_id)
        return Response(status_code=204)

    return routes


def put_all(current: Current, value: Any) -> dict[str, Any]:
    """Put what can be put. Raises Problem 422 where the body is neither item nor list."""
    values = several(value, "item")
    if not all(isinstance(one, dict) for one in values[:1]):
        raise wrong("", values[0], "expected an object")
    rows: list[Row] = []
    rejected = []
    for index, one in enumerate(values):
        try:
            rows.append(Item.model_validate(one).row())
        except ValidationError as error:
            rejected.append({"index": index, "error": told(error)})
    current.goods.put(rows)
    return {"accepted": len(rows), "rejected": rejected}


def amend(current: Current, item_id: str, patch: Any) -> dict[str, Any]:
    """An item after a patch. Raises Problem 404 where it is unknown, and 422."""
    if not isinstance(patch, dict):
        raise wrong("", patch, "expected an object with the fields to change")
    if patch.get("item_id", item_id) != item_id:
        raise wrong("item_id", patch["item_id"], f"expected {item_id!r}, as in the address")

    def change(row: Row) -> Word:
        return Word(_checked(item_id, patched(plain(row), patch)).row())

    row = current.goods.amend(item_id, _released(current, item_id), change)
    if row is None:
        raise missing("item", item_id)
    return plain(row)


def find(current: Current, item_id: str) -> Row:
    """An item as it is now. Raises Problem 404."""
    word = current.goods.find(item_id)
    row = _released(current, item_id) if word is None else word.item
    if row is None or (word and word.gone_at is not None):
        raise missing("item", item_id)
    return row


def _checked(item_id: str, value: Any) -> Item:
    """Raises Problem 422."""
    if not isinstance(value, dict):
        raise wrong("", value, "expected an object")
    if value.get("item_id", item_id) != item_id:
        raise wrong("item_id", value["item_id"], f"expected {item_id!r}, as in the address")
    try:
        return Item.model_validate({**value, "item_id": item_id})
    except ValidationError as error:
        raise refused(error) from error


def _released(current: Current, item_id: str) -> Row | None:
    """What the live release knows of an item."""
    if current.loaded is None:
        return None
    catalogue = current.loaded.catalogue.base
    code = catalogue.code(item_id)
    if code is None:
        return None
    [row] = catalogue.describe([code], ITEMS.names)
    return row
