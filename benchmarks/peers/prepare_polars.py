"""What `endcap prepare` does, written by hand in lazy Polars: python prepare_polars.py TABLES OUT

Cleaning, codes, sessions, parts, the features of items before each part and those of visitors
now; the same tables, without the report.
"""

import sys
import time as clock
from pathlib import Path

import numpy as np
import polars as pl

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
    kept = clean(tables)
    items, users = numbered(kept, tables)
    events = coded(kept, items, users)
    events.write_parquet(out / "events.parquet", compression="zstd")
    items.write_parquet(out / "items.parquet", compression="zstd")
    users.write_parquet(out / "users.parquet", compression="zstd")
    for part in (1, 2, 3, 4):
        found = item_features(events.lazy().filter(pl.col("part") < part), items.lazy())
        found.write_parquet(out / "features" / f"items-{part}.parquet", compression="zstd")
    found = visitor_features(events.lazy(), out)
    found.write_parquet(out / "features" / "visitors.parquet", compression="zstd")


def clean(tables: Path) -> pl.DataFrame:
    now = clock.time_ns() // 1000 + DAY
    text = {name: pl.when(pl.col(name) != "").then(pl.col(name)) for name in ("user_id", "item_id")}
    rows = (
        pl.scan_parquet(tables / "events" / "*.parquet")
        .with_row_index("place")
        .select(
            "place",
            "event_id",
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
        .filter(
            pl.col("visitor").is_not_null(),
            pl.col("time").is_between(EARLIEST, now),
            pl.col("kind").is_in([KIND[name] for name in USE]),
            pl.col("item_id").is_not_null(),
        )
        .unique("event_id", keep="first", maintain_order=True)
        .drop("event_id")
    )
    once = pl.col("kind").is_in(VIEWS)
    what = ["visitor", "item_id", "kind", "time"]
    views = rows.filter(once).unique(what, keep="first", maintain_order=True)
    good = pl.concat([views, rows.filter(~once)])
    days = good.group_by("visitor", day=pl.col("time") // DAY).agg(n=pl.len())
    bots = days.filter(pl.col("n") > BOT).select("visitor").unique()
    return good.join(bots, on="visitor", how="anti").collect()


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


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
