"""What `endcap prepare` does, written by hand in pandas: python prepare_pandas.py TABLES OUT

The same steps as in `prepare_polars.py`.
"""

import sys
import time as clock
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.peers.prepare_polars import (
    BOT,
    DAY,
    EARLIEST,
    GAP,
    HELD,
    KIND,
    TAKEN,
    USE,
    VIEWS,
)

COLUMNS = ["event_id", "event_type", "user_id", "anonymous_id", "session_id", "item_id"]
COLUMNS += ["timestamp", "price", "value"]


def main(tables: Path, out: Path) -> None:
    (out / "features").mkdir(parents=True, exist_ok=True)
    kept = clean(pd.read_parquet(tables / "events", columns=COLUMNS))
    items = numbered(pd.read_parquet(tables / "items"), kept)
    users = pd.DataFrame({"user_id": np.sort(kept["visitor"].unique())})
    events = coded(kept, items, users)
    events.to_parquet(out / "events.parquet", compression="zstd")
    items.to_parquet(out / "items.parquet", compression="zstd")
    users.to_parquet(out / "users.parquet", compression="zstd")
    for part in (1, 2, 3, 4):
        found = item_features(events[events["part"] < part], items)
        found.to_parquet(out / "features" / f"items-{part}.parquet", compression="zstd")
    found = visitor_features(events, found, items)
    found.to_parquet(out / "features" / "visitors.parquet", compression="zstd")


def clean(rows: pd.DataFrame) -> pd.DataFrame:
    now = clock.time_ns() // 1000 + DAY
    visitor = rows["user_id"].replace("", None).fillna(rows["anonymous_id"].replace("", None))
    rows["visitor"] = visitor.fillna(rows["session_id"].replace("", None))
    rows["item_id"] = rows["item_id"].replace("", None)
    rows["kind"] = rows["event_type"].map(KIND).fillna(-1).astype("int8")
    rows = rows.rename(columns={"timestamp": "time"})
    good = rows["visitor"].notna() & rows["item_id"].notna() & rows["event_type"].isin(USE)
    rows = rows[good & rows["time"].between(EARLIEST, now)]
    rows = rows.drop_duplicates("event_id")
    again = rows["kind"].isin(VIEWS) & rows.duplicated(["visitor", "item_id", "kind", "time"])
    rows = rows[~again]
    days = rows.groupby(["visitor", rows["time"] // DAY]).size()
    bots = days[days > BOT].index.get_level_values(0).unique()
    rows = rows[~rows["visitor"].isin(bots)]
    rows["time"] = rows["time"].astype("int64")
    return rows[["visitor", "item_id", "kind", "time", "price", "value"]]


def numbered(listed: pd.DataFrame, kept: pd.DataFrame) -> pd.DataFrame:
    listed = listed.drop_duplicates("item_id", keep="last")
    seen = pd.DataFrame({"item_id": kept["item_id"].unique()})
    items = listed.merge(seen, on="item_id", how="outer").sort_values("item_id", ignore_index=True)
    path = items["categories"].map(lambda one: one[0] if one is not None and len(one) else None)
    path = path.str.replace(r"\s*>\s*", " > ", regex=True).str.strip()
    for name, text in (("category", path), ("department", path.str.split(" > ").str[0])):
        items[name] = text.rank(method="dense").fillna(0).astype("int32")
    return items


def coded(kept: pd.DataFrame, items: pd.DataFrame, users: pd.DataFrame) -> pd.DataFrame:
    item = pd.Series(np.arange(len(items), dtype="int32"), index=items["item_id"])
    user = pd.Series(np.arange(1, len(users) + 1, dtype="int32"), index=users["user_id"])
    kept["item"] = kept["item_id"].map(item)
    kept["user"] = kept["visitor"].map(user)
    low, high = kept["time"].min(), kept["time"].max()
    shrunk = min(1.0, (high - low) / 2 / (HELD[0] * DAY))
    rows = kept.sort_values(["user", "time"], kind="stable")
    starts = [high + 1 - int(days * DAY * shrunk) for days in HELD]
    rows["part"] = sum((rows["time"] >= start).astype("int8") for start in starts)
    begins = (rows["user"].diff() != 0) | (rows["time"].diff() > GAP)
    rows["session"] = begins.cumsum().astype("int32")
    return rows[["user", "item", "kind", "time", "part", "session", "price", "value"]]


def item_features(past: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    age = (past["time"].max() - past["time"]) / DAY
    target = past["kind"].isin([8, 10])
    marks = pd.DataFrame(
        {
            "item": past["item"],
            "events": 1,
            "events_28": age < 28,
            "events_7": age < 7,
            "targets": target,
            "targets_28": target & (age < 28),
            "views": past["kind"].isin(VIEWS),
            "ratings": (past["kind"] == 10) & past["value"].notna(),
            "rating_cents": (past["value"] * 100).round().where(past["kind"] == 10),
        }
    )
    facts = marks.groupby("item").sum()
    ages = age.groupby(past["item"])
    facts["first_age"], facts["last_age"] = ages.max(), ages.min()
    facts["paid"] = past.groupby("item")["price"].median()
    pairs = target.groupby([past["item"], past["user"]]).sum()
    by_item = pairs.groupby("item")
    facts["visitors"] = by_item.size()
    facts["takers"] = (pairs > 0).groupby("item").sum()
    facts["retakers"] = (pairs > 1).groupby("item").sum()
    f = items[["price", "sale_price", "category"]].join(facts)
    cost = f["sale_price"].fillna(f["price"]).fillna(f["paid"])
    by = f.groupby("category")
    raw = pd.DataFrame(
        {
            "seen": f["events"].notna().astype(float),
            "events": np.log1p(f["events"]),
            "events_28d": np.log1p(f["events_28"]),
            "events_7d": np.log1p(f["events_7"]),
            "targets": np.log1p(f["targets"]),
            "targets_28d": np.log1p(f["targets_28"]),
            "visitors": np.log1p(f["visitors"]),
            "trend": np.log((f["events_7"] / 7 + 1 / 28) / (f["events_28"] / 28 + 1 / 28)),
            "repeat_share": f["retakers"] / (f["takers"] + 5),
            "per_visitor": f["events"] / (f["visitors"] + 5),
            "conversion": (f["targets"] / (f["views"] + 5)).where(f["views"] > 0),
            "rating": f["rating_cents"] / f["ratings"].replace(0, np.nan),
            "ratings": np.log1p(f["ratings"]),
            "age": np.log1p(f["first_age"]),
            "recency": 1 / (1 + f["last_age"]),
            "price": np.log1p(cost),
            "price_place": cost.groupby(f["category"]).rank("min", pct=True),
            "has_price": cost.notna().astype(float),
            "discount": 1 - f["sale_price"].astype(float) / f["price"].replace(0, np.nan),
            "category_place": by["events_28"].rank("min", pct=True),
            "category_events": np.log1p(by["events_28"].transform("sum")),
            "category_size": np.log1p(by["category"].transform("size")),
        }
    )
    return scaled(raw, 0.001)


def scaled(raw: pd.DataFrame, share: float) -> pd.DataFrame:
    low, high = raw.quantile(share), raw.quantile(1 - share)
    return ((raw - low) / (high - low).replace(0, np.nan)).clip(0, 1).fillna(0).astype("float32")


def visitor_features(
    events: pd.DataFrame, of_items: pd.DataFrame, items: pd.DataFrame
) -> pd.DataFrame:
    end = events["time"].max() + 1
    user, age = events["user"], end - events["time"]
    newer = events["time"].groupby(user).shift(-1).fillna(end)
    pauses = (newer - events["time"] > GAP)[::-1].groupby(user[::-1]).cumsum()[::-1]
    price = of_items["price"].where(of_items["has_price"] > 0)
    category = items["category"].where(items["category"] > 0)
    marks = pd.DataFrame(
        {
            "user": user,
            "n": 1,
            "week": age <= 7 * DAY,
            "month": age <= 28 * DAY,
            "session": pauses == 0,
            "taken": events["kind"].isin(TAKEN),
        }
    )
    each = marks.groupby("user").sum()
    several = pd.DataFrame(
        {
            "user": user,
            "day": events["time"] // DAY,
            "item": events["item"],
            "category": category.to_numpy()[events["item"]],
        }
    )
    unique = several.groupby("user").nunique()
    ages = age.groupby(user)
    paid = pd.Series(price.to_numpy()[events["item"]], index=events.index).groupby(user).mean()
    n = each["n"]
    raw = pd.DataFrame(
        {
            "events": np.log1p(n),
            "events_7d": np.log1p(each["week"]),
            "events_28d": np.log1p(each["month"]),
            "session": np.log1p(each["session"]),
            "taken_share": each["taken"] / n,
            "days_since_last": np.log1p(ages.min() / DAY),
            "days_known": np.log1p(ages.max() / DAY),
            "days_active": np.log1p(unique["day"]),
            "per_day": n / unique["day"],
            "items": np.log1p(unique["item"]),
            "repeats": (n - unique["item"]) / n,
            "categories": np.log1p(unique["category"]),
            "price": paid,
        }
    )
    angles = {"hour": 2 * np.pi * (end % DAY) / DAY, "weekday": 2 * np.pi * (end // DAY % 7) / 7}
    for name, angle in angles.items():
        raw[f"{name}_sin"], raw[f"{name}_cos"] = (np.sin(angle) + 1) / 2, (np.cos(angle) + 1) / 2
    return scaled(raw, 0.01)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
