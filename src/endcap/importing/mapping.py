"""A mapping: what the columns of a file mean, said in TOML.

    kind = "events"
    drop = ["internal note"]

    [columns]
    user_id = "kunde"
    item_id = { column = "artikel", replace = [["^SKU-", ""]] }
    timestamp = { column = "wann", format = "%d/%m/%Y %H:%M", zone = "Europe/Berlin" }
    event_type = { column = "art", values = { K = "purchase", W = "add_to_cart" } }
    price = { column = "cent", times = 0.01 }
    currency = { constant = "EUR" }
    categories = { column = "pfad", separator = ";", path = "/" }

What is not named stays as JSON, as with every file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping as MappingOf
from pathlib import Path
from typing import Any, Literal
from zoneinfo import available_timezones

import ibis
from pydantic import Field, ValidationError, field_validator, model_validator

from endcap.config import Settings, explain
from endcap.errors import ConfigError, SourceError
from endcap.importing import values
from endcap.importing.conform import LOOSE
from endcap.importing.nested import Told
from endcap.tables.duck import epoch_us, moment_of, strptime, to_utc
from endcap.tables.schema import TABLES

UNITS = {"seconds": 1e6, "milliseconds": 1e3, "microseconds": 1.0, "nanoseconds": 1e-3}


class Column(Settings):
    """Where a column of ours comes from, and what is done to it on the way."""

    column: str | None = Field(None, description="its name in the file")
    constant: str | float | bool | None = Field(None, description="one value for all rows")
    format: str | None = Field(None, description="how a time is written, as strftime has it")
    unit: Literal["seconds", "milliseconds", "microseconds", "nanoseconds"] | None = Field(
        None, description="since 1970, of a time that is a number"
    )
    zone: str | None = Field(None, description="the time zone of times that name none")
    values: dict[str, str] = Field({}, description="what the file says, and what it means")
    replace: tuple[tuple[str, str], ...] = Field((), description="patterns, and what replaces them")
    times: float | None = Field(None, description="what a number is multiplied by")
    separator: str | None = Field(None, description="what stands between the parts of a list")
    path: str | None = Field(None, description="what stands between the steps of a category")

    @model_validator(mode="after")
    def _one_of_both(self) -> Column:
        if (self.column is None) == (self.constant is None):
            raise ValueError("either `column` or `constant` says where it comes from")
        return self

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str | None) -> str | None:
        if zone is not None and zone not in available_timezones():
            raise ValueError("no such time zone; one is called Europe/Berlin, say")
        return zone

    @field_validator("replace")
    @classmethod
    def _patterns(cls, pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        for pattern, _ in pairs:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no pattern: {error}") from error
        return pairs


class Mapping(Settings):
    """The meaning of a file."""

    kind: Literal["events", "items", "users", "impressions"]
    drop: tuple[str, ...] = Field((), description="columns that are left out altogether")
    columns: dict[str, Column]

    @field_validator("columns", mode="before")
    @classmethod
    def _names(cls, columns: Any) -> Any:
        """A name alone is a column."""
        if not isinstance(columns, dict):
            return columns
        return {to: {"column": of} if isinstance(of, str) else of for to, of in columns.items()}

    @model_validator(mode="after")
    def _ours(self) -> Mapping:
        for name in self.columns:
            if name not in TABLES[self.kind].names:
                raise ValueError(
                    f"{self.kind} have no {name!r}, but {', '.join(TABLES[self.kind].names)}"
                )
        return self


def load(path: Path) -> Mapping:
    """Raises ConfigError with the key, the value and what is allowed."""
    try:
        return Mapping.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    except ValidationError as error:
        raise ConfigError(explain(error, str(path), Mapping)) from error


def without(table: Any, mapping: Mapping, name: str) -> Any:
    """The table without what is dropped. Raises SourceError where a column is not there."""
    wanted = {one.column for one in mapping.columns.values() if one.column is not None}
    for column in sorted(wanted | {*mapping.drop}):
        if column not in table.columns:
            raise SourceError(
                f"{name} has no column {column!r}, which the mapping names",
                expected=f"one of {', '.join(map(str, table.columns))}",
            )
    return table.drop(*mapping.drop) if mapping.drop else table


def expressions(table: Any, mapping: Mapping) -> dict[str, Told]:
    """For each column of ours the column of the table, or what is made of it."""
    return {
        name: Told(_made(table, name, one), _said(one)) for name, one in mapping.columns.items()
    }


def _made(table: Any, name: str, one: Column) -> Any:
    if one.column is None:
        return ibis.literal(one.constant)
    plain = one.model_dump(exclude={"column"}, exclude_defaults=True)
    if not plain or name in LOOSE.values():
        return one.column
    column = values.text(table[one.column])
    for pattern, by in one.replace:
        column = column.re_replace(pattern, by)
    if one.values:
        column = column.cases(*one.values.items(), else_=column)
    if one.format or one.zone or one.unit:
        return _moment(column, one)
    if one.times is not None:
        return (values.number(column) * one.times).round(6)
    if one.separator or one.path:
        return _list(column, one)
    return column


def _moment(column: Any, one: Column) -> Any:
    """UTC microseconds as text; what can't be read as text that is no time, so that it is told of
    and not guessed at."""
    if one.unit:
        found = (column.try_cast("float64") * UNITS[one.unit]).round().try_cast("int64")
    elif one.format:
        found = epoch_us(strptime(column, ibis.array([one.format])))
    else:
        found = values.moment(column)
    if one.zone:
        found = epoch_us(to_utc(one.zone, moment_of(found)).cast("timestamp"))
    return ibis.coalesce(found.cast("string"), "unreadable: " + column)


def _list(column: Any, one: Column) -> Any:
    parts = values.texts(column, re.escape(one.separator)) if one.separator else None
    if parts is None:
        parts = ibis.ifelse(column.notnull(), ibis.array([column]), ibis.null("array<string>"))
    if not one.path:
        return parts
    return parts.map(lambda part: part.re_replace(rf"\s*{re.escape(str(one.path))}\s*", " > "))


def _said(one: Column) -> str:
    if one.column is None:
        return f"{one.constant}, for every row"
    rest: MappingOf[str, Any] = one.model_dump(exclude={"column"}, exclude_defaults=True)
    return one.column + (f" ({', '.join(rest)} as the mapping says)" if rest else "")
