"""What `endcap prepare` does, written by hand in pandas: python prepare_pandas.py TABLES OUT

The same steps as in `prepare_polars.py`.
"""

import json
import sys
import time as clock
from pathlib import Path
from typing import Any

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
    TYPES,
    USE,
    VIEWS,
    day,
    described,
    tail,
    weeks,
)

COLUMNS = ["event_id", "event_type", "user_id", "anonymous_id", "session_id", "item_id"]
COLUMNS += ["timestamp", "price", "value"]


def main(tables: Path, out: Path) -> None:
    (out / "features").mkdir(parents=True, exist_ok=True)
    kept, came = clean(pd.read_parquet(tables / "events", columns=COLUMNS))
    listed = pd.read_parquet(tables / "items")
    items = numbered(listed, kept)
    users = pd.DataFrame({"user_id": np.sort(kept["visitor"].unique())})
    events = coded(kept, items, users)
    events.to_parquet(out / "events.parquet", compression="zstd")
    items.to_parquet(out / "items.parquet", compression="zstd")
    users.to_parquet(out / "users.parquet", compression="zstd")
    for part in (1, 2, 3, 4):
        found = item_features(events[events["part"] < part], items)
        found.to_parquet(out / "features" / f"items-{part}.parquet", compression="zstd")
    visitors = visitor_features(events, found, items)
    visitors.to_parquet(out / "features" / "visitors.parquet", compression="zstd")
    figures = came | report(events, items, listed["item_id"])
    for whose, table in (("item", found), ("visitor", visitors)):
        columns = {str(name): values.to_numpy() for name, values in table.items()}
        figures[f"{whose}_features"] = described(columns)
    (out / "report.json").write_text(json.dumps(figures, default=float))


def clean(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Any]]:
    now = clock.time_ns() // 1000 + DAY
    visitor = rows["user_id"].replace("", None).fillna(rows["anonymous_id"].replace("", None))
    rows["visitor"] = visitor.fillna(rows["session_id"].replace("", None))
    rows["item_id"] = rows["item_id"].replace("", None)
    rows["kind"] = rows["event_type"].map(KIND).fillna(-1).astype("int8")
    rows = rows.rename(columns={"timestamp": "time"})
    faults = {
        "missing_visitor": rows["visitor"].isna(),
        "missing_time": rows["time"].isna(),
        "too_early": rows["time"] < EARLIEST,
        "in_the_future": rows["time"] > now,
        "unused_type": ~rows["event_type"].isin(USE),
        "missing_item": rows["item_id"].isna(),
    }
    reason = np.select(list(faults.values()), list(range(len(faults))), -1)
    counts = np.bincount(reason + 1, minlength=len(faults) + 1)
    dropped = dict(zip(faults, counts[1:].tolist(), strict=True))
    rows = rows[reason < 0]
    rows = rows.drop_duplicates("event_id")
    again = rows["kind"].isin(VIEWS) & rows.duplicated(["visitor", "item_id", "kind", "time"])
    rows = rows[~again]
    days = rows.groupby(["visitor", rows["time"] // DAY]).size()
    bots = days[days > BOT].index.get_level_values(0).unique()
    dropped["duplicate"] = int(counts[0]) - len(rows)
    kept = rows[~rows["visitor"].isin(bots)]
    dropped["bot"] = len(rows) - len(kept)
    kept["time"] = kept["time"].astype("int64")
    came = {"read": len(reason), "dropped": {name: n for name, n in dropped.items() if n}}
    return kept[["visitor", "item_id", "kind", "time", "price", "value"]], came


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


def report(events: pd.DataFrame, items: pd.DataFrame, listed: pd.Series) -> dict[str, Any]:
    target = events["kind"].isin([8, 10])
    by_visitor = events.groupby("user")["session"]
    rows, visits = by_visitor.size(), by_visitor.max() - by_visitor.min() + 1
    by_item = events.groupby("item")["user"]
    each = pd.DataFrame({"events": by_item.size(), "users": by_item.nunique()}).reset_index()
    each = each.sort_values(["events", "item"], ascending=[False, True])
    taken = events[target]
    again = taken["time"] > taken.groupby(["user", "item"])["time"].transform("min")
    seen = events.loc[events["part"] < 3, "item"].unique()
    asked = taken[taken["part"] == 3]
    root = items["categories"].map(lambda one: one[0].split(">")[0].strip() if len(one) else None)
    named = each.assign(name=root.to_numpy()[each["item"]]).groupby("name")["events"]
    top = pd.DataFrame({"events": named.sum(), "items": named.size()}).nlargest(8, "events")
    best = each.head(8)
    best = best.assign(item_id=items["item_id"].to_numpy()[best["item"]])
    low, high = events["time"].min(), events["time"].max()
    days, kinds = (events["time"] // DAY).value_counts(), events["kind"].value_counts()
    return {
        "events": len(events),
        "users": len(rows),
        "items": len(items),
        "sessions": events["session"].max(),
        "span": {"first": day(low), "last": day(high), "days": round((high - low) / DAY, 2)},
        "types": {TYPES[kind]: n for kind, n in zip(kinds.index.tolist(), kinds, strict=True)},
        "weeks": weeks(list(zip(days.index.tolist(), days.tolist(), strict=True))),
        "parts": [
            {
                "events": len(one),
                "targets": int(target[one.index].sum()),
                "users": one["user"].nunique(),
                "first": day(one["time"].min()),
                "last": day(one["time"].max()),
            }
            for _, one in events.groupby("part")
        ],
        "visitors": {
            "median_events": rows.median(),
            "most_events": rows.max(),
            "median_sessions": visits.median(),
            "with_two": (rows > 1).mean(),
        },
        "tail": tail(each["events"].to_numpy(), len(items)),
        "again": again.mean(),
        "cold": (~asked["item"].isin(seen)).mean(),
        "catalogue": {
            "listed": len(listed),
            "unlisted_items": int((~items["item_id"].isin(listed)).sum()),
            "described": (items["title"].notna() | items["description"].notna()).mean(),
            "categorised": (items["category"] > 0).mean(),
            "priced": (items["price"].notna() | items["sale_price"].notna()).mean(),
        },
        "top_categories": top.reset_index().to_dict("records"),
        "top_items": best[["item_id", "events", "users"]].to_dict("records"),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
