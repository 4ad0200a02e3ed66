"""What groups of settings have in common, and how a stage is named."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Days = Annotated[float, Field(gt=0)]


def valid(check: Callable[[str], Any]) -> AfterValidator:
    """Of a text that stays as it is. check: raises ValueError where it is wrong."""

    def same(text: str) -> str:
        check(text)
        return text

    return AfterValidator(same)


def beginning(day: str) -> int:
    """The first moment of a day in UTC, as microseconds.

    >>> beginning("1970-01-02")
    86400000000
    """
    return (date.fromisoformat(day) - date(1970, 1, 1)) // timedelta(microseconds=1)


def _named(name: str) -> None:
    if not re.fullmatch(r"[\w-]+", name):
        raise ValueError("expected letters, digits, _ and -")


Name = Annotated[str, valid(_named)]
"""Of a stage: it is a folder of releases, and in columns of the ranker."""


def _column(name: str) -> None:
    if not re.fullmatch(r"(?!place_|score_)\w+", name, re.ASCII):
        raise ValueError(
            "expected letters, digits and _, and not place_ or score_ in front, which are the "
            "retrievers'"
        )


Column = Annotated[str, valid(_column)]


class Settings(BaseModel):
    """A frozen group of settings that refuses unknown keys, and numbers without an end."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )


class Stage(BaseModel):
    """A stage by its class path; all other keys are that class's own settings."""

    model_config = ConfigDict(frozen=True, extra="allow")

    use: str = Field(description="class path of the stage, as module:Class")

    @property
    def own(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


Scale = Literal["none", "min-max", "standard", "quantile"]


class Feature(Stage):
    """A class path and a scale; all other keys are that class's own settings."""

    scale: Scale = Field(
        "none",
        description="onto what its numbers are brought, as they were in the past: 0 to 1, a mean "
        "of 0 and a deviation of 1, or the share of smaller ones",
    )
