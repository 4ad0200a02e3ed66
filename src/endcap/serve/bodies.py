"""What comes in: bodies of bounded size, parsed strictly.

JSON is parsed by pydantic's own parser, whatever content type is given (a browser's beacon can
only send text): it refuses NaN, half characters and bottomless nesting, which the standard
library's lets through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Self, TypeAlias, TypeVar, cast

from fastapi import Depends, Request
from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError, from_json

from endcap.errors import no_such
from endcap.serve.problems import Problem, refused, wrong

M = TypeVar("M", bound=BaseModel)


class Strict(BaseModel):
    """What is unknown is an error; a number may stand for a text."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, coerce_numbers_to_str=True)

    @model_validator(mode="wrap")
    @classmethod
    def _names(cls, value: Any, check: ModelWrapValidatorHandler[Self]) -> Self:
        """Say of an unknown field which ones there are."""
        try:
            return check(value)
        except ValidationError as error:
            wrong = [_named(one, list(cls.model_fields)) for one in error.errors()]
            raise ValidationError.from_exception_data(error.title, wrong) from error


def _named(error: ErrorDetails, names: list[str]) -> InitErrorDetails:
    kind: str | PydanticCustomError = error["type"]
    if kind == UNKNOWN:
        way = error["loc"]  # a part of the body has said its own already
        detail = no_such("field", str(way[0]), names) if len(way) == 1 else error["msg"]
        kind = PydanticCustomError(UNKNOWN, "{detail}", {"detail": detail})
    given = {name: error[name] for name in ("loc", "input", "ctx") if name in error}
    return cast(InitErrorDetails, {"type": kind, **given})


UNKNOWN: Final = "extra_forbidden"
"""What pydantic calls a field that there is not."""


MOST = 1_000
"""Events or items of a request."""

LARGEST = 4_000_000
"""Bytes of a body: 1,000 events of 4 kB each."""


async def body(request: Request) -> bytes:
    """The body of a request. Raises Problem 413 as soon as it is too large."""
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > LARGEST:
            detail = f"The body is larger than {LARGEST:,} bytes. Send it in several requests."
            raise Problem(413, detail, headers={"Connection": "close"})
    return b"".join(parts)


Body: TypeAlias = Annotated[bytes, Depends(body)]


def parsed(text: bytes) -> Any:
    """Raises Problem 422 where the text is not JSON."""
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise Problem(422, f"The body is not valid JSON: {error}.") from error


def read(model: type[M], value: Any) -> M:
    """A checked request. Raises Problem 422 with each wrong field."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise refused(error) from error


def several(value: Any, kind: str) -> list[Any]:
    """What a body holds of a kind: one, or a list of them. Raises Problem 422."""
    values = value if isinstance(value, list) else [value]
    if isinstance(value, list | dict) and len(values) <= MOST:
        return values
    came = f"a list of {len(values):,}" if isinstance(value, list) else type(value).__name__
    raise wrong("", value, f"The body is {came}. Expected one {kind} or a list of up to {MOST:,}.")


def described(
    model: type[BaseModel], *, many: bool = False, optional: Sequence[str] = ()
) -> dict[str, Any]:
    """The body of an endpoint, for openapi.json: one of a kind, or also a list of them.

    optional: fields that need not be given here.
    """
    schema = model.model_json_schema()
    if needed := [name for name in schema.pop("required", []) if name not in optional]:
        schema["required"] = needed
    schema = _inlined(schema, schema.pop("$defs", {}))
    if many:
        schema = {"anyOf": [schema, {"type": "array", "items": schema, "maxItems": MOST}]}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """With definitions where they are referred to: a reference would be sought in openapi.json,
    and not found."""
    if isinstance(schema, list):
        return [_inlined(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {name: _inlined(part, definitions) for name, part in schema.items()}
