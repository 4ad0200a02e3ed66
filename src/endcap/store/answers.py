"""What was answered to what: enough to say how an answer came about, and to answer again."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, MetaData, String, Table, insert, select

from endcap.store.compiled import Compiled
from endcap.store.database import Held

_METADATA = MetaData()

answers = Table(
    "answers",
    _METADATA,
    Column("recommendation_id", String, primary_key=True),
    Column("visitor", String, index=True),
    Column("timestamp", BigInteger, nullable=False, index=True),
    Column("release", String, nullable=False),
    Column("path", String, nullable=False),
    Column("question", String, nullable=False),
    Column("trace", String, nullable=False),
)
"""question: the request, as JSON. trace: items and what was done with them, as JSON."""

_NEW = Compiled(insert(answers), answers.c.keys())


class Answers(Held):
    """In the store of the live events."""

    metadata = _METADATA

    def keep(self, rows: Callable[[], Sequence[dict[str, Any]]]) -> None:
        """Have answers written, soon; whoever calls does not wait. rows: makes them then."""
        self.database.insert_soon(_NEW, rows, json="trace")

    def find(self, recommendation_id: str) -> dict[str, Any] | None:
        """None where there is no such answer."""
        if "\0" in recommendation_id:  # which PostgreSQL can't even look for
            return None
        self.database.write(lambda connection: None)  # what waits is written first
        query = select(answers).where(answers.c.recommendation_id == recommendation_id)
        row = self.database.read(lambda found: found.execute(query).mappings().one_or_none())
        if row is None:
            return None
        return {**row, "question": json.loads(row["question"]), "trace": json.loads(row["trace"])}
