"""What a search found: the best configuration as TOML, how sure it is, and a page about it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tomlkit
from optuna.trial import TrialState

from endcap.config import FILE, Config, Shop
from endcap.experiment.evaluate import DECIDES
from endcap.experiment.intervals import bootstrap, paired
from endcap.experiment.tune.page import page
from endcap.experiment.tune.study import Study
from endcap.tables.atomic import replace
from endcap.types import Floats

HEAD = """\
# Found by `endcap tune` in {trials} trials: {metric} {best:.4f} on the {queries:,} questions of
# the validation part that it was chosen by, {gain:+.4f} [{low:+.4f}, {high:+.4f}] over the
# settings before. As the best of many it is likely to gain less on new questions.
"""

SAME = (
    "# Found by `endcap tune` in {trials} trials: nothing better than the settings as they were.\n"
)


def write(shop: Shop, study: Study, scores: Callable[[Config], Floats]) -> dict[str, Any]:
    """Write `tune/best.toml` and `tune/report.html`; returns the figures.

    scores: [Q] of a configuration, for the same questions each time.
    """
    space, best = study.space, study.best
    samples = space.config.evaluate.samples
    present, found = (scores(space.applied(values)) for values in (space.present, best.params))
    config, report = shop.tune / "best.toml", shop.tune / "report.html"
    changes = space.changes(best.params)
    figures = {
        "metric": DECIDES,
        "trials": len(study.finished),
        "given_up": sum(trial.state == TrialState.PRUNED for trial in study.finished),
        "present": bootstrap(present, samples, study.seed).as_dict(),
        "best": bootstrap(found, samples, study.seed).as_dict(),
        "gain": paired(found, present, samples, study.seed).as_dict(),
        "changes": {
            ".".join(path): {"present": old, "best": new} for path, (old, new) in changes.items()
        },
        "config": str(config),
        "report": str(report),
    }
    replace(config, _head(figures) + changed(shop.folder / FILE, changes))
    replace(report, page(shop.config.name, study, figures))
    return figures


def _head(figures: dict[str, Any]) -> str:
    gain = figures["gain"]
    if not figures["changes"]:
        return SAME.format(**figures)
    numbers = {"best": figures["best"]["value"], "gain": gain["value"]}
    return HEAD.format(**{**figures, **gain, **numbers})


def changed(file: Path, changes: Mapping[tuple[str, ...], tuple[Any, Any]]) -> str:
    """A TOML file, comments included, with changes: by their place, what was and what comes."""
    own = file.read_text("utf-8-sig") if file.is_file() else ""
    styled, plain = tomlkit.parse(own), tomllib.loads(own)
    for (*parents, leaf), (_, value) in changes.items():
        for tree in (styled, plain):
            table: Any = tree
            for parent in parents:
                table = table.setdefault(parent, {})
            table[leaf] = value
    text = tomlkit.dumps(styled)
    # Among dotted keys tomlkit 0.15 puts a new table where it takes in what follows.
    return text if _means(text, plain) else tomlkit.dumps(plain)


def _means(text: str, tree: dict[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == tree
    except tomllib.TOMLDecodeError:
        return False
