"""The words of reasons, in each language that the service speaks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

Language: TypeAlias = Literal["en", "zh"]

LANGUAGES: tuple[Language, ...] = get_args(Language)


@dataclass(frozen=True)
class Words:
    """because, before: by what was done, a sentence about another item and about this one.

    ties: by how another item has to do with this one, what is said of it; that: by what was done,
        what is said of the other item there; comma: between several.
    """

    popular: str
    similar: str
    because: Mapping[str, str]
    before: Mapping[str, str]
    once: str
    daily: str
    every: str
    ties: Mapping[str, str]
    that: Mapping[str, str]
    comma: str


def _all(sentence: str, it: str, other: str, **words: str) -> Mapping[str, str]:
    """The sentence with a word for each event type, and with another for the rest.

    it: stands where the words name the item.
    """
    known = {name: sentence.replace("DID", word.replace("IT", it)) for name, word in words.items()}
    return defaultdict(lambda: sentence.replace("DID", other.replace("IT", it)), known)


_ENGLISH = {
    "click": "looked at IT",
    "view": "looked at IT",
    "add_to_wishlist": "wished for IT",
    "add_to_cart": "put IT into your basket",
    "begin_checkout": "wanted IT",
    "purchase": "bought IT",
    "rate": "rated IT",
}

_CHINESE = {
    "click": "看过IT",
    "view": "看过IT",
    "add_to_wishlist": "收藏过IT",
    "add_to_cart": "把IT加入过购物车",
    "begin_checkout": "想买IT",
    "purchase": "买过IT",
    "rate": "评价过IT",
}

_ENGLISH_THAT = {name: word.replace(" IT", "") for name, word in _ENGLISH.items()}
_CHINESE_THAT = {
    name: word.replace("把IT", "").replace("IT", "") for name, word in _CHINESE.items()
}

WORDS: Mapping[Language, Words] = MappingProxyType(
    {
        "en": Words(
            popular="Popular this month",
            similar="Goes with {title}",
            because=_all("Because you DID", "{title}", "saw IT", **_ENGLISH),
            before=_all("You DID before", "this", "saw IT", **_ENGLISH),
            once="You bought this before",
            daily="You buy this nearly every day",
            every="You buy this about every {days} days",
            ties={
                "same": "same {by} as {title}{did}",
                "joined": "joined by {by} with {title}{did}",
                "with": "goes with {title}{did}",
            },
            that=_all(" that you DID", "", "saw", **_ENGLISH_THAT),
            comma=", ",
        ),
        "zh": Words(
            popular="本月热门",
            similar="与“{title}”相配",
            because=_all("因为您DID", "“{title}”", "看过IT", **_CHINESE),
            before=_all("您DID", "这件商品", "看过IT", **_CHINESE),
            once="您买过这件商品",
            daily="您几乎每天都买这件商品",
            every="您大约每{days}天买一次这件商品",
            ties={
                "same": "与{did}“{title}”同{by}",
                "joined": "与{did}“{title}”相关（{by}）",
                "with": "与{did}“{title}”相配",
            },
            that=_all("您DID的", "", "看过", **_CHINESE_THAT),
            comma="，",
        ),
    }
)


def spoken(accepted: str | None) -> Language:
    """The language that an Accept-Language header prefers, English where we speak none of it.

    >>> spoken("zh-CN,zh;q=0.9,en;q=0.8"), spoken("fr, zh;q=0.2, en;q=0.4"), spoken("*"), spoken("")
    ('zh', 'en', 'en', 'en')
    """
    wanted: list[tuple[float, int, Language]] = []
    for place, part in enumerate((accepted or "").split(",")):
        tag, _, weight = part.strip().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        for language in LANGUAGES:
            if tag.strip().lower().split("-")[0] == language and quality > 0:
                wanted.append((-quality, place, language))
    return min(wanted)[2] if wanted else "en"
