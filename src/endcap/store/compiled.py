"""Statements that every answer asks, compiled once for each kind of database.

SQLAlchemy finds the text of a statement that it has seen before by walking through it, and makes
the parameters of each row one by one: several times the work of SQLite.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Insert, Select, exc
from sqlalchemy.sql.compiler import SQLCompiler

COUNTING = {"preserve_rowcount": True}


class Text(NamedTuple):
    """As a database takes it. places: the names of its parameters in their order, None where it
    takes them by name."""

    text: str
    given: Mapping[str, Any]
    places: Sequence[str] | None

    def parameters(self, values: Mapping[str, Any]) -> Any:
        """What is not given is as the statement has it, or NULL."""
        if self.places is None:
            return {name: values.get(name, known) for name, known in self.given.items()}
        return tuple(map({**self.given, **values}.get, self.places))


class Compiled:
    """A statement whose bound parameters are given by name each time. columns: of an insert."""

    def __init__(
        self, statement: Select[Any] | Insert, columns: Sequence[str] | None = None
    ) -> None:
        self.statement, self.columns = statement, columns
        self._texts: dict[str, Text] = {}

    def rows(self, connection: Connection, **values: Any) -> Sequence[Sequence[Any]]:
        """What it finds. SQLite is asked by its driver alone: what stands between takes five times
        as long as the answer. A server may be away, which SQLAlchemy knows how to mend."""
        text = self._text(connection)
        parameters, dialect = text.parameters(values), connection.dialect
        if dialect.name != "sqlite":
            return connection.exec_driver_sql(text.text, parameters).all()
        cursor = connection.connection.cursor()
        try:
            cursor.execute(text.text, parameters)
            return cursor.fetchall()
        except sqlite3.Error as error:
            raise exc.DBAPIError.instance(text.text, None, error, sqlite3.Error) from error
        finally:
            cursor.close()

    def each(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> int:
        """Do it for each row, of which there must be one; returns how many rows that changed."""
        text = self._text(connection)
        every = [text.parameters(row) for row in rows]
        return connection.exec_driver_sql(text.text, every, COUNTING).rowcount

    def _text(self, connection: Connection) -> Text:
        return self._texts.get(connection.dialect.name) or self._compiled(connection)

    def _compiled(self, connection: Connection) -> Text:
        found = self.statement.compile(
            dialect=connection.dialect,
            column_keys=self.columns,
            compile_kwargs={"render_postcompile": True},
        )
        assert isinstance(found, SQLCompiler)  # noqa: S101, as of any statement
        given = dict.fromkeys(self.columns) if self.columns else found.params
        text = Text(found.string, given, found.positiontup if found.positional else None)
        self._texts[connection.dialect.name] = text
        return text
