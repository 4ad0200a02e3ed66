"""Made-up logs of trades that are no shops: news, video, replies to customers, and credit.

    python examples/other_trades.py news|video|replies|risk FOLDER

Writes files for `endcap import` into FOLDER; the configuration of each trade is in configs/.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

BEGIN, DAYS = datetime(2026, 3, 1, tzinfo=UTC), 40

Rows = list[dict[str, Any]]

TOPICS = ["politics", "football", "markets", "science", "film", "科技"]


def _day(day: float) -> str:
    return (BEGIN + timedelta(days=day)).isoformat()


def _event(kind: str, who: str, item: str, day: float) -> dict[str, Any]:
    return {"event_type": kind, "user_id": who, "item_id": item, "timestamp": _day(day)}


def news(chance: random.Random) -> dict[str, Rows]:
    """Readers of two topics each; nobody reads what is older than three days."""
    items: Rows = []
    for number in range(DAYS * 20):
        topic, day = chance.choice(TOPICS), number / 20
        title = f"{topic} {chance.choice(TOPICS)} {number}"
        items.append(
            {"item_id": f"n{number}", "title": title, "categories": topic, "created_at": _day(day)}
        )
    by_topic: dict[str, list[int]] = {topic: [] for topic in TOPICS}
    for number, one in enumerate(items):
        by_topic[one["categories"]].append(number)
    events: Rows = []
    for reader in range(500):
        likes = chance.sample(TOPICS, 2)
        for _ in range(chance.randint(2, 8)):
            day = 3 + chance.random() * (DAYS - 3)
            for step in range(chance.randint(1, 4)):
                topic = chance.choice(likes if chance.random() < 0.85 else TOPICS)
                fresh = [n for n in by_topic[topic] if day - 3 < n / 20 < day]
                if fresh:
                    at = day + step / 500
                    events.append(
                        _event("view", f"reader-{reader}", f"n{chance.choice(fresh)}", at)
                    )
    return {"events": events, "items": items}


def video(chance: random.Random) -> dict[str, Rows]:
    """Series of ten parts: who has seen one to its end mostly goes on with the next."""
    items: Rows = [
        {"item_id": f"s{s}e{e}", "title": f"Series {s}, part {e}", "categories": _series(s)}
        for s in range(30)
        for e in range(1, 11)
    ]
    events: Rows = []
    for viewer in range(500):
        who, day, own = f"viewer-{viewer}", chance.random() * 30, chance.randrange(len(TOPICS))
        for _ in range(chance.randint(1, 4)):
            s, e = own + len(TOPICS) * chance.randrange(5), chance.randint(1, 4)
            while e <= 10 and chance.random() < 0.9 and day < DAYS:
                events.append(_event("click", who, f"s{s}e{e}", day))
                if chance.random() < 0.8:
                    events.append(_event("view", who, f"s{s}e{e}", day + 0.02))
                day, e = day + 2 * chance.random(), e + chance.choice([1, 1, 1, 2])
    return {"events": events, "items": items}


def _series(number: int) -> str:
    return f"{TOPICS[number % len(TOPICS)]} > Series {number}"


WORDS = {
    "late": "where parcel late waiting tracking",
    "broken": "broken arrived scratch damaged photo",
    "refund": "money refund return back paid",
    "account": "login password account email locked",
}

REPLIES = {
    "late": [
        "Here is your tracking link",
        "We have asked the carrier",
        "A new parcel is on its way",
    ],
    "broken": ["Please send us a photo", "A replacement is on its way", "We are sorry, keep it"],
    "refund": ["Here is a return label", "Your money is on its way", "We refund within 5 days"],
    "account": ["Here is a link for a new password", "Your account is unlocked", "已发送验证码"],
}


def replies(chance: random.Random) -> dict[str, Rows]:
    """Conversations: what a customer wrote, as words, and the replies that agents gave in turn."""
    items = [
        {"item_id": f"{about}-{n}", "title": text, "categories": about}
        for about, texts in REPLIES.items()
        for n, text in enumerate(texts)
    ]
    events, users = list[dict[str, Any]](), list[dict[str, Any]]()
    for number in range(2_000):
        about, who = chance.choice(list(WORDS)), f"talk-{number}"
        words = [*chance.sample(WORDS[about].split(), 3), chance.choice(["please", "hello", "my"])]
        users.append({"user_id": who, "attributes": {"words": words}})
        day = chance.random() * DAYS
        for turn in range(chance.randint(1, 3)):
            at = day + turn / 200
            events.append(_event("purchase", who, f"{about}-{turn}", at))
    return {"events": events, "items": items, "users": users}


def risk(chance: random.Random) -> dict[str, Rows]:
    """Applicants for credit, what they said of themselves, and how it ended."""
    items = [{"item_id": end, "title": end} for end in ("repaid", "defaulted")]
    events, users = list[dict[str, Any]](), list[dict[str, Any]]()
    for number in range(3_000):
        who = f"applicant-{number}"
        facts = {
            "income": chance.choice(["low", "middle", "high"]),
            "history": chance.choice(["clean", "late once", "late often"]),
            "purpose": chance.choice(["car", "home", "debts"]),
        }
        users.append({"user_id": who, "attributes": facts})
        odds = -2.2
        odds += {"low": 1.2, "middle": 0.0, "high": -1.0}[facts["income"]]
        odds += {"clean": -1.0, "late once": 0.5, "late often": 2.5}[facts["history"]]
        ended = "defaulted" if chance.random() < 1 / (1 + 2.718**-odds) else "repaid"
        events.append(_event("purchase", who, ended, chance.random() * DAYS))
    return {"events": events, "items": items, "users": users}


TRADES: dict[str, Callable[[random.Random], dict[str, Rows]]] = {
    "news": news,
    "video": video,
    "replies": replies,
    "risk": risk,
}


def write(trade: str, folder: Path) -> Iterator[Path]:
    """The files of a trade."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in TRADES[trade](random.Random(1)).items():  # noqa: S311 (no secret)
        path = folder / f"{name}.jsonl"
        lines = (json.dumps(row, ensure_ascii=False) for row in rows)
        path.write_text("\n".join(lines), encoding="utf-8")
        yield path


if __name__ == "__main__":
    trade, folder = sys.argv[1:] or ("news", "news")
    for path in write(trade, Path(folder)):
        print(path)
