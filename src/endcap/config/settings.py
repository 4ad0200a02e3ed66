"""What groups of settings have in common, and how a stage is named."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Days = Annotated[float, Field(gt=0)]


def _column(name: str) -> str:
    if not re.fullmatch(r"(?!place_|score_)\w+", name, re.ASCII):
        raise ValueError(
            "expected letters, digits and _, and not place_ or score_ in front, which are the "
            "retrievers'"
        )
    return name


Column = Annotated[str, AfterValidator(_column)]


class Settings(BaseModel):
    """A frozen group of settings that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


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
