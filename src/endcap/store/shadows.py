"""What a shadow, a release that is not shown, answered to the questions that the live one got."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    MetaData,
    String,
    Table,
    case,
    func,
    insert,
    select,
)

from endcap.store.database import Held
from endcap.store.schema import place

_METADATA = MetaData()

shadows = Table(
    "shadows",
    _METADATA,
    place(),
    Column("recommendation_id", String, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("placement", String, nullable=False),
    Column("release", String, nullable=False),
    Column("shadow", String, nullable=False, index=True),
    Column("path", String, nullable=False),
    Column("overlap", Float),
    Column("first", Boolean),
    Column("seconds", Float),
    Column("difference", String, nullable=False),
    sqlite_autoincrement=True,
)
"""path: "failed" where the shadow did not answer. overlap: the share of the shown items that its
list has too. first: whether both begin with the same item. difference: as JSON."""


class Shadows(Held):
    """The comparisons of a shop."""

    metadata = _METADATA

    def keep(self, row: dict[str, Any]) -> None:
        """Have a comparison written, soon."""
        text = json.dumps(row["difference"], ensure_ascii=False)
        values = {**dict.fromkeys(("overlap", "first", "seconds")), **row, "difference": text}
        self.database.submit(lambda connection: connection.execute(insert(shadows), values))

    def newest(self, shadow: str, limit: int) -> Sequence[dict[str, Any]]:
        """The newest comparisons of a shadow, newest first."""
        query = select(shadows).where(shadows.c.shadow == shadow)
        query = query.order_by(shadows.c.place.desc()).limit(limit)
        rows = self.database.read(lambda found: found.execute(query).mappings().all())
        return [{**row, "difference": json.loads(row["difference"])} for row in rows]

    def summary(self) -> list[dict[str, Any]]:
        """For each pair of releases and placement: how many answers were compared, how many
        failed, the mean overlap, how often the first item was the same, mean seconds."""
        c = shadows.c
        pair = (c.release, c.shadow, c.placement)
        query = (
            select(
                *pair,
                func.count().label("answers"),
                func.sum(case((c.path == "failed", 1), else_=0)).label("failed"),
                func.avg(c.overlap).label("overlap"),
                func.avg(case((c.first, 1.0), else_=0.0)).label("first"),
                func.avg(c.seconds).label("seconds"),
            )
            .group_by(*pair)
            .order_by(*pair)
        )
        rows = self.database.read(lambda found: found.execute(query).mappings().all())
        return [dict(row) for row in rows]
