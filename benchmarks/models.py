"""Every family of models on every data set, into docs/models.md.

    python -m benchmarks.models FOLDER [--data NAME …] [--models NAME …] [--fresh]

FOLDER holds the data sets' files. Data sets, models, their settings and what to say of them
stand in models.toml. Each model is fitted and judged in a process of its own, and its figures
are kept in `figures/`, which belongs to the repository: a broken run goes on, on any machine, and
a model whose settings changed is measured anew. The page is written after each model; what was
not measured yet stands there as a dash.

Each process has one thread, so that two runs, of different data sets, can go on side by side.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.child import ENDCAP, ROOT, run
from benchmarks.markdown import table

LIST = Path(__file__).with_name("models.toml")

PAGE = ROOT / "docs" / "models.md"

FIGURES = Path(__file__).with_name("figures")
"""What was measured: a folder for each data set, a file for each model."""

INTRO = """\
# Models

What each model is for, and how it does alone. Written by `make models`; do not edit it here.

Whatever is best alone, a mix is better: models err differently, and Endcap learns how much each
counts. So choose models that differ, and let `endcap fit` weigh them.
"""

WORDS = ("title", "when", "not")
"""What is said of a model, and decides nothing."""

LEGEND = """\
All items are ranked; ± is half of the 95 % interval. Coverage is the share of the catalogue that
the lists of ten show to anybody. Seconds are those that a processor spent on the fit, with its
choice of epochs, on one thread; GB is the peak memory of the process that fitted and judged.
Rankers order what the default retrievers propose, and their seconds are those of the ranker alone.
"""


@dataclass(frozen=True)
class Plan:
    """What models.toml says: data sets and models, each by its name."""

    data: dict[str, dict[str, Any]]
    models: dict[str, dict[str, Any]]

    @classmethod
    def read(cls) -> Plan:
        return cls(**tomllib.loads(LIST.read_text(encoding="utf-8")))

    def at(self, data: str) -> list[str]:
        """The models that have something to say on a data set."""
        return [model for model in self.models if model not in self.data[data].get("without", ())]

    def spec(self, data: str, model: str) -> dict[str, Any]:
        """What decides a model's figures on a data set: no words."""
        own, given = self.models[model], self.data[data].get("settings", {})
        spec = {key: value for key, value in own.items() if key not in WORDS}
        return {
            "retriever": model,
            **spec,
            "set": {**own.get("set", {}), **given.get(model, {})},
        }


def main() -> None:
    plan = Plan.read()
    given = _arguments(plan)
    for data in given.data:
        shop = _shop(plan.data[data], given.work / data, given.folder)
        for model in [name for name in plan.at(data) if name in given.models]:
            print(f"{data}: {model} …", file=sys.stderr)
            try:
                _measure(
                    plan.spec(data, model), shop, FIGURES / data / f"{model}.json", given.fresh
                )
            except ChildProcessError as error:
                print(error, file=sys.stderr)  # the others have figures all the same
            PAGE.write_text(page(plan, FIGURES), encoding="utf-8")


def _arguments(plan: Plan) -> argparse.Namespace:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--data", nargs="+", choices=plan.data, default=list(plan.data))
    arguments.add_argument("--models", nargs="+", choices=plan.models, default=list(plan.models))
    arguments.add_argument("--work", type=Path, default=ROOT / "build" / "models")
    arguments.add_argument("--fresh", action="store_true")
    return arguments.parse_args()


def _shop(data: dict[str, Any], folder: Path, files: Path) -> Path:
    """The data set's shop folder, prepared."""
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    text = data["shop"] if "shop" in data else (ROOT / data["config"]).read_text(encoding="utf-8")
    (folder / "endcap.toml").write_text(text, encoding="utf-8")
    paths = [name if name.endswith(":") else files.absolute() / name for name in data["files"]]
    run([ENDCAP, "import", *paths], folder / "import.log")
    run([ENDCAP, "prepare"], folder / "prepare.log")
    return folder


def _measure(spec: dict[str, Any], shop: Path, figures: Path, fresh: bool) -> None:
    known = _known(figures)
    if known and known["spec"] == spec and not fresh:
        return
    command = [sys.executable, "-m", "benchmarks.one_model", shop, json.dumps(spec)]
    spent = run(command, shop / "logs" / f"{figures.stem}.log", threads=1)
    found = {"spec": spec, "peak": spent.peak, **json.loads(spent.output)}
    figures.parent.mkdir(parents=True, exist_ok=True)
    figures.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _known(figures: Path) -> dict[str, Any] | None:
    return json.loads(figures.read_text(encoding="utf-8")) if figures.is_file() else None


def page(plan: Plan, figures: Path) -> str:
    """The text of docs/models.md, by the figures that there are."""
    found = [text for name in plan.data if (text := _section(plan, name, figures / name))]
    return "\n".join([INTRO, _words(plan), *([LEGEND, *found] if found else [])])


def _words(plan: Plan) -> str:
    """When to take each model, and when not."""
    rows = [[str(one[word]) for word in WORDS] for one in plan.models.values()]
    return table(["", "take it when", "leave it when"], rows).replace("---:", "---") + "\n"


def _section(plan: Plan, name: str, figures: Path) -> str:
    """One data set: what it is, and a row for each model; nothing where none was measured."""
    data = plan.data[name]
    found = {model: _known(figures / f"{model}.json") for model in plan.at(name)}
    if not any(found.values()):
        return ""
    tasks = next((list(one["tasks"]) for one in found.values() if one), ["home"])
    rows = [[plan.models[model]["title"], *_cells(one, tasks)] for model, one in found.items()]
    return f"## {data['title']}\n\n{data['about']}\n\n{table(['', *_titles(tasks)], rows)}\n"


def _titles(tasks: list[str]) -> list[str]:
    """The first task decides; of the others only NDCG@10 is told."""
    first = f" {tasks[0]}" if len(tasks) > 1 else ""
    return [
        f"NDCG@10{first}",
        f"HR@10{first}",
        "coverage",
        *(f"NDCG@10 {task}" for task in tasks[1:]),
        "fit, s",
        "GB",
    ]


def _cells(found: dict[str, Any] | None, tasks: list[str]) -> Iterator[str]:
    if found is None:
        yield from ["–"] * (len(tasks) + 4)
        return
    figures = [found["tasks"][task] for task in tasks]
    yield _interval(figures[0]["ndcg@10"])
    yield _interval(figures[0]["hit_rate@10"])
    yield f"{figures[0]['coverage@10']['value']:.1%}"
    yield from (_interval(one["ndcg@10"]) for one in figures[1:])
    yield f"{found['seconds']:.1f}" if found["seconds"] < 10 else f"{found['seconds']:.0f}"
    yield f"{found['peak'] / 1e9:.1f}"


def _interval(one: dict[str, float]) -> str:
    half = (one["high"] - one["low"]) / 2
    return f"{one['value']:.4f} ± {half:.4f}"


if __name__ == "__main__":
    main()
