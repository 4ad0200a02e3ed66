"""What `endcap prepare` does, written by hand in lazy Polars: python prepare_polars.py TABLES OUT

Cleaning, codes, sessions, parts, the features of items before each part and those of visitors
now, and the figures of the report: the same tables, and the same numbers.
"""

import json
import sys
import time as clock
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

DAY = 86_400_000_000
TYPES = ["impression", "click", "view", "search", "add_to_wishlist", "add_to_cart"]
TYPES += ["remove_from_cart", "begin_checkout", "purchase", "refund", "rate", "dislike"]
USE = ["click", "view", "add_to_wishlist", "add_to_cart", "begin_checkout", "purchase", "rate"]
KIND = {name: place for place, name in enumerate(TYPES)}
VIEWS, TAKEN = [1, 2], [5, 7, 8, 10]
EARLIEST, BOT, GAP = 788_918_400_000_000, 2_000, 30 * 60_000_000
HELD = [42, 28, 14]


def main(tables: Path, out: Path) -> None:
    (out / "features").mkdir(parents=True, exist_ok=True)
    kept, came = clean(tables)
    items, users = numbered(kept, tables)
    events = coded(kept, items, users)
    events.write_parquet(out / "events.parquet", compression="zstd")
    items.write_parquet(out / "items.parquet", compression="zstd")
    users.write_parquet(out / "users.parquet", compression="zstd")
    for part in (1, 2, 3, 4):
        found = item_features(events.lazy().filter(pl.col("part") < part), items.lazy())
        found.write_parquet(out / "features" / f"items-{part}.parquet", compression="zstd")
    visitors = visitor_features(events.lazy(), out)
    visitors.write_parquet(out / "features" / "visitors.parquet", compression="zstd")
    listed = pl.read_parquet(tables / "items" / "*.parquet", columns=["item_id"])
    figures = came | report(events, items, listed["item_id"])
    for whose, table in (("item", found), ("visitor", visitors)):
        columns = {column.name: column.to_numpy() for column in table}
        figures[f"{whose}_features"] = described(columns)
    (out / "report.json").write_text(json.dumps(figures))


def clean(tables: Path) -> tuple[pl.DataFrame, dict[str, Any]]:
    now = clock.time_ns() // 1000 + DAY
    text = {name: pl.when(pl.col(name) != "").then(pl.col(name)) for name in ("user_id", "item_id")}
    rows = (
        pl.scan_parquet(tables / "events" / "*.parquet")
        .with_row_index("place")
        .select(
            "place",
            "event_id",
            "event_type",
            item_id=text["item_id"],
            kind=pl.col("event_type").replace_strict(KIND, default=-1, return_dtype=pl.Int8),
            visitor=pl.coalesce(
                text["user_id"],
                pl.col("anonymous_id").replace("", None),
                pl.col("session_id").replace("", None),
            ),
            time=pl.col("timestamp"),
            price=pl.col("price").cast(pl.Float32),
            value=pl.col("value").cast(pl.Float32),
        )
        .with_columns(
            reason=pl.when(pl.col("visitor").is_null())
            .then(pl.lit("missing_visitor"))
            .when(pl.col("time").is_null())
            .then(pl.lit("missing_time"))
            .when(pl.col("time") < EARLIEST)
            .then(pl.lit("too_early"))
            .when(pl.col("time") > now)
            .then(pl.lit("in_the_future"))
            .when(~pl.col("kind").is_in([KIND[name] for name in USE]))
            .then(pl.lit("unused_type"))
            .when(pl.col("item_id").is_null())
            .then(pl.lit("missing_item"))
        )
    )
    why = rows.group_by("reason").len().collect()
    dropped = dict(why.drop_nulls().iter_rows())
    rows = rows.filter(pl.col("reason").is_null()).drop("reason", "event_type")
    rows = rows.unique("event_id", keep="first", maintain_order=True).drop("event_id")
    once = pl.col("kind").is_in(VIEWS)
    what = ["visitor", "item_id", "kind", "time"]
    views = rows.filter(once).unique(what, keep="first", maintain_order=True)
    good = pl.concat([views, rows.filter(~once)])
    days = good.group_by("visitor", day=pl.col("time") // DAY).agg(n=pl.len()).collect()
    bots = days.filter(pl.col("n") > BOT).select("visitor").unique()
    kept = good.join(bots.lazy(), on="visitor", how="anti").collect()
    read, once = int(why["len"].sum()), int(days["n"].sum())
    dropped |= {"duplicate": read - sum(dropped.values()) - once, "bot": once - len(kept)}
    return kept, {"read": read, "dropped": {name: n for name, n in dropped.items() if n}}


def numbered(kept: pl.DataFrame, tables: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    listed = pl.scan_parquet(tables / "items" / "*.parquet").unique("item_id", keep="last")
    seen = kept.lazy().select("item_id").unique()
    path = pl.col("categories").list.first().str.replace_all(r"\s*>\s*", " > ").str.strip_chars()
    items = (
        listed.join(seen, on="item_id", how="full", coalesce=True)
        .with_columns(path=path)
        .with_columns(root=pl.col("path").str.split(" > ").list.first())
        .with_columns(category=code("path"), department=code("root"), brand_code=code("brand"))
        .drop("path", "root")
        .sort("item_id")
        .collect()
    )
    known = kept.lazy().select(user_id="visitor").unique().sort("user_id").collect()
    return items, known


def code(name: str) -> pl.Expr:
    return pl.col(name).rank("dense").fill_null(0).cast(pl.Int32)


def coded(kept: pl.DataFrame, items: pl.DataFrame, users: pl.DataFrame) -> pl.DataFrame:
    item = items.lazy().select("item_id").with_row_index("item")
    user = users.lazy().select(visitor="user_id").with_row_index("user", 1)
    number = {name: pl.col(name).cast(pl.Int32) for name in ("user", "item")}
    span = kept.select(low=pl.col("time").min(), high=pl.col("time").max()).row(0)
    shrunk = min(1.0, (span[1] - span[0]) / 2 / (HELD[0] * DAY))
    starts = [span[1] + 1 - int(days * DAY * shrunk) for days in HELD]
    new = (pl.col("user") != pl.col("user").shift()).fill_null(True)
    pause = (pl.col("time") - pl.col("time").shift() > GAP).fill_null(True)
    return (
        kept.lazy()
        .join(user, on="visitor")
        .join(item, on="item_id")
        .with_columns(**number)
        .sort("user", "time", "place")
        .with_columns(
            session=(new | pause).cum_sum().cast(pl.Int32),
            part=sum((pl.col("time") >= start).cast(pl.Int8) for start in starts),
        )
        .select("user", "item", "kind", "time", "part", "session", "price", "value")
        .collect()
    )


def item_features(past: pl.LazyFrame, items: pl.LazyFrame) -> pl.DataFrame:
    c = pl.col
    newest = past.select(c("time").max()).collect().item() or 0
    target = c("kind").is_in([8, 10])
    rate = c("kind") == 10
    aged = past.with_columns(age=(newest - c("time")) / DAY, target=target)
    facts = aged.group_by("item").agg(
        events=pl.len(),
        events_28=(c("age") < 28).sum(),
        events_7=(c("age") < 7).sum(),
        targets=c("target").sum(),
        targets_28=(c("target") & (c("age") < 28)).sum(),
        views=c("kind").is_in(VIEWS).sum(),
        first_age=c("age").max(),
        last_age=c("age").min(),
        paid=c("price").median(),
        ratings=(rate & c("value").is_not_null()).sum(),
        rating_cents=(c("value") * 100).round().filter(rate).sum(),
    )
    pairs = aged.group_by("item", "user").agg(taken=c("target").sum())
    takers = pairs.group_by("item").agg(
        visitors=pl.len(), takers=(c("taken") > 0).sum(), retakers=(c("taken") > 1).sum()
    )
    known = (
        items.select("price", "sale_price", "category", "created_at")
        .with_row_index("item")
        .with_columns(c("item").cast(pl.Int32))
        .join(facts, on="item", how="left")
        .join(takers, on="item", how="left")
        .with_columns(cost=pl.coalesce("sale_price", "price", "paid"))
        .with_columns(listed_age=(newest - c("created_at")) / DAY)
    )
    raw = known.sort("item").select(
        seen=c("events").is_not_null().cast(pl.Float64),
        events=log(c("events")),
        events_28d=log(c("events_28")),
        events_7d=log(c("events_7")),
        targets=log(c("targets")),
        targets_28d=log(c("targets_28")),
        visitors=log(c("visitors")),
        trend=((c("events_7") / 7 + 1 / 28) / (c("events_28") / 28 + 1 / 28)).log(),
        repeat_share=c("retakers") / (c("takers") + 5),
        per_visitor=c("events") / (c("visitors") + 5),
        conversion=pl.when(c("views") > 0).then(c("targets") / (c("views") + 5)),
        rating=c("rating_cents") / c("ratings").replace(0, None),
        ratings=log(c("ratings")),
        age=log(pl.max_horizontal("first_age", "listed_age")),
        recency=1 / (1 + c("last_age")),
        price=log(c("cost")),
        price_place=place("cost"),
        has_price=c("cost").is_not_null().cast(pl.Float64),
        discount=1 - c("sale_price") / c("price").replace(0, None),
        category_place=place("events_28"),
        category_events=of_category(c("events_28").sum()),
        category_size=of_category(pl.len()),
    )
    return scaled(raw, 0.001).collect()


def log(count: pl.Expr) -> pl.Expr:
    return (count + 1).log()


def of_category(total: pl.Expr) -> pl.Expr:
    return pl.when(pl.col("category") > 0).then(log(total.over("category")))


def place(name: str) -> pl.Expr:
    value = pl.col(name)
    rank, count = value.rank("min").over("category"), value.count().over("category")
    return pl.when(count > 1).then((rank - 1) / (count - 1)).otherwise(value * 0.0)


def scaled(raw: pl.LazyFrame, share: float) -> pl.LazyFrame:
    columns = []
    for name in raw.collect_schema().names():
        if name in ("seen", "has_price"):  # a yes or no is as it is
            columns.append(pl.col(name).cast(pl.Float32))
            continue
        value = pl.col(name).cast(pl.Float64)
        low, high = (value.quantile(one, "linear") for one in (share, 1 - share))
        low = pl.when(high > low).then(low).otherwise(value.min())
        high = pl.when(high > low).then(high).otherwise(value.max())
        part = pl.when(high > low).then((value - low) / (high - low)).otherwise(0.0)
        columns.append(part.clip(0, 1).fill_null(0).cast(pl.Float32).alias(name))
    return raw.select(columns)


def visitor_features(events: pl.LazyFrame, out: Path) -> pl.DataFrame:
    c = pl.col
    end = events.select(c("time").max()).collect().item() + 1
    prices = pl.read_parquet(out / "features/items-4.parquet", columns=["price", "has_price"])
    about = prices.lazy().with_row_index("item").with_columns(c("item").cast(pl.Int32))
    category = pl.scan_parquet(out / "items.parquet").select("category").with_row_index("item")
    about = about.join(category.with_columns(c("item").cast(pl.Int32)), on="item")
    age = end - c("time")
    pause = (c("time").shift(-1).over("user").fill_null(end) - c("time")) > GAP
    rows = events.join(about, on="item", how="left", maintain_order="left").with_columns(
        age=age, visit=pause.cum_sum(reverse=True).over("user")
    )
    priced = c("price_right").filter(c("has_price") > 0)
    each = (
        rows.group_by("user", maintain_order=True)
        .agg(
            n=pl.len(),
            week=(c("age") <= 7 * DAY).sum(),
            month=(c("age") <= 28 * DAY).sum(),
            session=(c("visit") == 0).sum(),
            taken=c("kind").is_in(TAKEN).sum(),
            last=c("age").min(),
            first=c("age").max(),
            days=(c("time") // DAY).n_unique(),
            items=c("item").n_unique(),
            categories=c("category").filter(c("category") > 0).n_unique(),
            price=priced.mean(),
        )
        .sort("user")
    )
    n = c("n")
    angle = {"hour": 2 * np.pi * (end % DAY) / DAY, "weekday": 2 * np.pi * (end // DAY % 7) / 7}
    circle = {f"{k}_sin": pl.lit((np.sin(a) + 1) / 2) for k, a in angle.items()}
    circle |= {f"{k}_cos": pl.lit((np.cos(a) + 1) / 2) for k, a in angle.items()}
    raw = each.select(
        events=log(n),
        events_7d=log(c("week")),
        events_28d=log(c("month")),
        session=log(c("session")),
        taken_share=c("taken") / n,
        days_since_last=log(c("last") / DAY),
        days_known=log(c("first") / DAY),
        days_active=log(c("days")),
        per_day=n / c("days"),
        items=log(c("items")),
        repeats=(n - c("items")) / n,
        categories=log(c("categories")),
        price="price",
        **circle,
    )
    return scaled(raw, 0.01).collect()


def report(events: pl.DataFrame, items: pl.DataFrame, listed: pl.Series) -> dict[str, Any]:
    c, all_ = pl.col, events.lazy()
    target = c("kind").is_in([8, 10])
    days = all_.group_by("part", "kind", day=c("time") // DAY).agg(
        n=pl.len(), first=c("time").min(), last=c("time").max()
    )
    of_visitors = all_.group_by("user").agg(
        n=pl.len(), visits=c("session").max() - c("session").min() + 1
    )
    users = all_.group_by("part").agg(users=c("user").n_unique())
    each = all_.group_by("item").agg(events=pl.len(), users=c("user").n_unique())
    first = c("time").min().over("user", "item")
    again = all_.filter(target).select((c("time") > first).mean())
    seen = all_.filter(c("part") < 3).select("item").unique()
    asked = all_.filter(target & (c("part") == 3))
    frames = [days, of_visitors, users, each, again, asked, asked.join(seen, on="item", how="anti")]
    days, of_visitors, users, each, again, asked, cold = pl.collect_all(frames)
    each = each.sort("events", "item", descending=[True, False])
    about = items.with_row_index("item").with_columns(c("item").cast(pl.Int32))
    root = c("categories").list.first().str.split(">").list.first().str.strip_chars()
    top = each.join(about.select("item", name=root), on="item").drop_nulls("name")
    top = top.group_by("name").agg(events=c("events").sum(), items=pl.len())
    best = each.head(8).join(about, on="item", maintain_order="left")
    low, high = days["first"].min(), days["last"].max()
    return {
        "events": len(events),
        "users": len(of_visitors),
        "items": len(items),
        "sessions": events["session"].max(),
        "span": {"first": day(low), "last": day(high), "days": round((high - low) / DAY, 2)},
        "types": {TYPES[kind]: n for kind, n in counted(days, "kind")},
        "weeks": weeks(counted(days, "day")),
        "parts": [
            {
                "events": int(one["n"].sum()),
                "targets": int(one.filter(target)["n"].sum()),
                "users": users.filter(c("part") == part)["users"].item(),
                "first": day(one["first"].min()),
                "last": day(one["last"].max()),
            }
            for (part,), one in sorted(days.group_by("part"))
        ],
        "visitors": {
            "median_events": of_visitors["n"].median(),
            "most_events": of_visitors["n"].max(),
            "median_sessions": of_visitors["visits"].median(),
            "with_two": (of_visitors["n"] > 1).mean(),
        },
        "tail": tail(each["events"].to_numpy(), len(items)),
        "again": again.item(),
        "cold": len(cold) / len(asked),
        "catalogue": {
            "listed": len(listed),
            "unlisted_items": int((~items["item_id"].is_in(listed.implode())).sum()),
            "described": items.select(
                (c("title").is_not_null() | c("description").is_not_null()).mean()
            ).item(),
            "categorised": (items["category"] > 0).mean(),
            "priced": items.select(
                (c("price").is_not_null() | c("sale_price").is_not_null()).mean()
            ).item(),
        },
        "top_categories": top.sort("events", descending=True).head(8).to_dicts(),
        "top_items": best.select("item_id", "events", "users").to_dicts(),
    }


def counted(days: pl.DataFrame, by: str) -> list[tuple[int, int]]:
    counts = days.group_by(by).agg(pl.col("n").sum()).sort("n", descending=True)
    return list(counts.iter_rows())


def weeks(days: list[tuple[int, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for number, n in sorted(days):
        date = datetime.fromtimestamp(number * DAY / 1e6, UTC).date()
        monday = (date - timedelta(days=date.weekday())).isoformat()
        found[monday] = found.get(monday, 0) + n
    return found


def tail(events: NDArray[Any], items: int) -> dict[str, float]:
    """events: of each item that has any, the most first."""
    seen, share = len(events), events.cumsum() / events.sum()
    return {
        "seen": seen,
        "once": float((events == 1).mean()),
        "half": int((share < 0.5).sum()) + 1,
        "top_1_percent": float(share[int(np.ceil(seen * 0.01)) - 1]),
        "top_10_percent": float(share[int(np.ceil(seen * 0.1)) - 1]),
        "never": items - seen,
    }


def described(features: Mapping[str, NDArray[Any]]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "min": round(float(values.min()), 4),
            "median": round(float(np.median(values)), 4),
            "max": round(float(values.max()), 4),
            "histogram": np.histogram(values, 12, (0, 1))[0].tolist(),
        }
        for name, values in features.items()
    ]


def day(time: int) -> str:
    return datetime.fromtimestamp(time / 1e6, UTC).date().isoformat()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
