"""The search itself: ask, fit, judge, tell, until the time or the trials are used up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import numpy as np
import optuna
from optuna.trial import Trial

from endcap.class_paths import check
from endcap.config import Shop, alone
from endcap.errors import ConfigError, TrainingError
from endcap.experiment.behaviour import weigh
from endcap.experiment.fit import fingerprint
from endcap.experiment.shortage import no_disk
from endcap.experiment.tune.budget import Budget, TimeIsUpError
from endcap.experiment.tune.fits import Fits
from endcap.experiment.tune.outcome import write
from endcap.experiment.tune.space import Space
from endcap.experiment.tune.study import Study
from endcap.experiment.work import Work
from endcap.tables.dataset import Dataset
from endcap.tables.prepare import prepared
from endcap.types import Report, silent

TRIALS = 50
"""Where neither trials nor a time are given."""

QUESTIONS = 5_000
"""Of the validation part that a trial is judged by, at most."""

Stopped = Literal["trials", "timeout", "interrupted"]


def tune(
    shop: Shop,
    *,
    only: Sequence[str] = (),
    trials: int | None = None,
    timeout: float | None = None,
    report: Report = silent,
) -> dict[str, Any]:
    """Look for better settings, write the best and a report into the shop's folder `tune`, and
    return what was found.

    only: the groups to search, such as `retrievers.sequence`; all retrievers and how they are
        joined where none is named. With a ranker among them, its order is judged.
    trials: of the study in all; the same data, settings and version go on with the same study.
    timeout: seconds of this run. The trial under way is left to the next.

    The first trial is the configuration as it is, so the best is never worse by what is judged:
    NDCG@10 on the validation part. The test part is not looked at. Raises ConfigError, DataError
    and StateError.
    """
    check(shop.config)
    dataset = Dataset.load(prepared(shop))
    config, dataset, _ = weigh(shop.config, dataset)
    ranked = any(name.startswith("rankers.") for name in only)
    space = Space.of(config, rankers=ranked)
    groups = space.chosen(only)
    with alone(shop.tune, "tune"):
        folder = shop.tune / fingerprint(shop.config, dataset, space=str(space.groups))
        study = Study.open(folder, space, config.seed)
        if trials is None and timeout is None:
            trials = TRIALS
        budget = Budget(
            trials=trials or math.inf,
            seconds=timeout or math.inf,
            done=len(study.finished),
            best=study.best.value if study.judged else None,
            report=report,
        )
        work = Work(config, dataset, folder, budget.told, shop.content)
        fits = Fits(work, work.validation().sample(QUESTIONS, config.seed), ranked)
        stopped = _search(study, fits, groups, budget)
        scores = replace(fits, work=replace(work, report=silent)).scores
        return write(shop, study, scores) | {"stopped": stopped}


def _search(study: Study, fits: Fits, groups: Sequence[str], budget: Budget) -> Stopped:
    """Why it ended. Raises what ended it where not even the first trial was finished."""
    try:
        while budget.done < budget.trials:
            trial = study.ask(groups)
            study.done(trial, _judged(study, fits, trial))
            budget.count(study.best.value)
            used = (study.space.present, study.best.params)
            fits.forget(keep=map(study.space.applied, used))
    except (KeyboardInterrupt, TimeIsUpError) as cause:
        study.leave()
        if not study.judged:
            raise
        return "interrupted" if isinstance(cause, KeyboardInterrupt) else "timeout"
    return "trials"


def _judged(study: Study, fits: Fits, trial: Trial) -> float | None:
    """NDCG@10 of a trial; None where it is given up, or its settings don't go together."""
    try:
        config = study.space.applied(trial.params)
        check(config)
        return float(np.nanmean(fits.scores(config, partial(study.watch, trial))))
    except optuna.TrialPruned:
        return None
    except (ConfigError, TrainingError) as error:
        if not study.judged or no_disk(error.__cause__):  # which is not the settings' fault
            raise
        trial.set_user_attr("error", str(error))
        return None
