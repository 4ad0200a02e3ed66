"""Other trades on the same stack: each configuration finds what its made-up log hides."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from endcap.config import Shop
from tests.serve.shops import serving

ROOT = Path(__file__).parents[1]
ENDCAP = Path(sys.executable).with_name("endcap")


def run(*command: object) -> str:
    return subprocess.run(  # noqa: S603
        list(map(str, command)), capture_output=True, text=True, check=True, encoding="utf-8"
    ).stdout


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a trade, fitted."""

    @cache
    def shop(trade: str) -> Path:
        folder = tmp_path_factory.mktemp(trade)
        made = run(sys.executable, ROOT / "examples" / "other_trades.py", trade, folder / "made")
        shutil.copy(ROOT / "configs" / f"{trade}.toml", folder / "endcap.toml")
        run(ENDCAP, "import", "--shop", folder, *made.splitlines())
        run(ENDCAP, "prepare", "--shop", folder)
        run(ENDCAP, "fit", "--shop", folder, "--no-refit")
        return folder

    return shop


SLOW = [pytest.param(trade, marks=pytest.mark.slow) for trade in ("news", "video", "replies")]


@pytest.mark.parametrize("trade", [*SLOW, "risk"])
def test_it_is_better_than_what_is_popular(shops: Callable[[str], Path], trade: str) -> None:
    judged = json.loads(run(ENDCAP, "evaluate", "--shop", shops(trade), "--json"))
    gap = judged["tasks"]["home"]["differences"]["popular"]
    assert gap["low"] > 0
    assert gap["p"] < 0.01


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "reply"), [("hello parcel late", "late-0"), ("money return back", "refund-0")]
)
def test_what_a_customer_wrote_finds_the_reply(
    shops: Callable[[str], Path], words: str, reply: str
) -> None:
    with serving(Shop.open(shops("replies"))) as (client, _):
        asked = {"context": {"words": words.split()}, "n": 1}
        answer = client.post("/v1/recommend", json=asked).json()
    assert [item["item_id"] for item in answer["items"]] == [reply]


@pytest.mark.parametrize(
    ("facts", "end"),
    [
        ({"income": "low", "history": "late often"}, "defaulted"),
        ({"income": "high", "history": "clean"}, "repaid"),
    ],
)
def test_an_applicant_is_judged_by_what_is_known(
    shops: Callable[[str], Path], facts: dict[str, str], end: str
) -> None:
    with serving(Shop.open(shops("risk"))) as (client, _):
        asked = {"items": ["repaid", "defaulted"], "context": facts}
        answer = client.post("/v1/rank", json=asked).json()
    assert answer["items"][0]["item_id"] == end
