"""Figures of several tasks."""

from __future__ import annotations

from pathlib import Path

from endcap.config import Config
from endcap.experiment.evaluate import evaluate
from endcap.recommender import Recommender
from endcap.retrievers.popular import Popular
from endcap.tables.parts import Part
from tests.contracts.found import learned
from tests.shops import dataset


def test_a_task_may_ask_a_single_question(tmp_path: Path) -> None:
    """Of which a metric of all lists has a value too, as of no other task's questions."""
    parts = [Part.PAST] * 4 + [Part.TEST] * 4
    shop = dataset(tmp_path, [1, 2, 3, 4] * 2, [0, 1, 2, 3, 0, 2, 3, 0], parts=parts)
    past = shop.before(Part.VALIDATION)
    home = {"retrievers": ["popular"], "rules": []}
    tasks = {"home": {}, "again": {"scope": "again"}}
    judged = {"baselines": {}, "samples": 10, "tasks": tasks}
    settings = Config.model_validate({"placements": {"home": home}, "evaluate": judged})
    system = Recommender(settings, past.catalogue, {"popular": learned(Popular, past)}, None, {})
    found = evaluate(system, shop, Part.TEST)
    assert [task["queries"] for task in found.report["tasks"].values()] == [4, 1]
    assert found.questions["task"].to_pylist() == ["home"] * 4 + ["again"]
    assert found.questions["coverage@10"].null_count == 4
