"""`triage benchmark --recommend`: the configuration that was best on validation cases.

Test cases have no part in it: it is chosen from `ValidationDraw`, which holds none. What is not
the default is recommended only if its paired 95 % interval over draws and clusters excludes no
difference; else the difference may be chance, and the default is recommended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from triage.atomic_write import whole_file
from triage.benchmark.arms import Arm
from triage.benchmark.comparison import Compared, Values, compare_aurocs, compare_means
from triage.benchmark.cross_fitting import log_loss, sets_of
from triage.benchmark.draw_record import Floats
from triage.benchmark.methods import DEPLOYED, Method
from triage.benchmark.protocol import Protocol
from triage.benchmark.recommendation_text import Choice, recommendation_text
from triage.benchmark.records import Records
from triage.benchmark.resampling import CrossedResamples
from triage.benchmark.validation_draw import ValidationDraw, read_validation
from triage.decisions.rule_settings import TEMPERATURE, PredictionSetSettings, check_calibrator
from triage.errors import UsageError
from triage.models.settings import DECIDING, TrainSettings
from triage.uncertainty.combination import COMBINATION

SEED = 0
SETS = PredictionSetSettings()


@dataclass(frozen=True)
class Recommendation:
    """Settings for `triage train`, and how each was chosen."""

    settings: TrainSettings
    choices: tuple[Choice, ...]


def recommend(
    protocol: Protocol,
    records: Records,
    seeds: Sequence[int],
    methods: Sequence[Method],
    out: Path,
    *,
    n_resamples: int,
) -> Recommendation:
    """Choose score and arm, then calibrator and sets, and write them as a settings file.

    Parameters
    ----------
    protocol : Protocol
    records : Records
        Complete for these seeds and methods.
    seeds : sequence of int
    methods : sequence of Method
        Those that ran.
    out : Path
        The YAML file.
    n_resamples : int

    Raises
    ------
    UsageError
        If the file cannot be written, or the benchmark is of volumes.
    """
    check_recommendable(protocol)
    deployable, refused = _deployable(protocol, methods)
    arms = list(dict.fromkeys(method.head for method in methods))
    draws = [
        read_validation(records, seed, arms, [method.name for method in deployable])
        for seed in seeds
    ]
    resamples = CrossedResamples(
        [draw.clusters for draw in draws], n_resamples=n_resamples, seed=SEED
    )
    found, scored = _score(draws, deployable, refused, resamples)
    judged_on = scored.head if scored.head in arms else next(iter(arms), None)
    calibrator, of_calibrators = _calibrator(draws, methods, judged_on, resamples)
    promised = protocol.settings.prediction_set or SETS
    kind, of_sets = _sets(draws, methods, judged_on, resamples, promised.alpha)
    settings = _settings(protocol.settings, scored, calibrator, kind)
    result = Recommendation(settings, (found, of_calibrators, of_sets))
    text = recommendation_text(protocol, seeds, settings, result.choices)
    try:
        with whole_file(out) as partial_file:
            partial_file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot be written: {error.strerror or error}",
            where=str(out),
            hint="Choose another --recommend.",
        ) from error
    return result


def check_recommendable(protocol: Protocol) -> None:
    """Raise UsageError for volumes: their systems have other settings than the compared heads."""
    if protocol.of_volumes:
        raise UsageError(
            "a benchmark of volumes compares heads on frozen networks, which `triage train` does "
            "not make of volumes",
            where="--recommend",
            hint="Leave it out.",
        )


def _deployable(
    protocol: Protocol, methods: Sequence[Method]
) -> tuple[list[Method], dict[str, str]]:
    """Scores that a bundle can decide by, and why it cannot by the others."""
    kept, refused = [], {}
    for method in methods:
        if method.kind != "score":
            continue
        try:
            _settings(protocol.settings, method, TEMPERATURE, SETS.method)
            kept.append(method)
        except (ValidationError, UsageError) as error:
            first = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            refused[method.name] = first.removeprefix("Value error, ")
    return kept, refused


def _settings(base: TrainSettings, scored: Method, calibrator: str, kind: str) -> TrainSettings:
    """The benchmark's settings with what was chosen in place."""
    given = Arm.parse(scored.head).settings(base).model_dump()
    given |= base.model_dump(include={*DECIDING} - {"ood"})
    sets = base.prediction_set or SETS
    return TrainSettings.model_validate(
        given
        | {
            "score": scored.key,
            "calibrator": calibrator,
            "prediction_set": sets.model_dump() | {"method": kind},
        }
    )


def _score(
    draws: Sequence[ValidationDraw],
    methods: Sequence[Method],
    refused: dict[str, str],
    resamples: CrossedResamples,
) -> tuple[Choice, Method]:
    """Choose score and arm: AUROC of outliers, and no arm that names conditions worse."""
    default = Method("score", COMBINATION, DEPLOYED)
    by_name = {method.name: method for method in methods}
    if default.name not in by_name:
        return Choice("score", default.name, note=_NOT_MEASURED.format(default.name)), default
    if not any(_has_outliers(draw) for draw in draws):
        return Choice("score", default.name, note=_NO_OUTLIERS), default
    rows = compare_aurocs(
        draws,
        {name: partial(_scores, name) for name in by_name},
        default.name,
        resamples,
    )
    named = compare_means(
        draws,
        {arm: partial(_right, arm) for arm in draws[0].probabilities},
        DEPLOYED,
        resamples,
        larger_is_better=True,
    )
    worse = [row.name for row in named if row.is_worse]
    best = next((row for row in rows if by_name[row.name].head not in worse), rows[0])
    chosen = best.name if best.is_better else default.name
    choice = Choice(
        "score",
        chosen,
        default.name,
        "AUROC of outlier conditions that trained nothing",
        tuple(rows),
        beside=tuple(named),
        refused=refused,
        note=_OLD_RECORDS if any(draw.fresh is None for draw in draws) else "",
    )
    return choice, by_name[chosen]


def _calibrator(
    draws: Sequence[ValidationDraw],
    methods: Sequence[Method],
    arm: str | None,
    resamples: CrossedResamples,
) -> tuple[str, Choice]:
    keys = dict.fromkeys(method.key for method in methods if method.kind == "calibrator")
    usable = dict.fromkeys((TEMPERATURE, *keys), "")
    refused = {}
    for key in list(usable):
        try:
            check_calibrator(key)
        except UsageError as error:
            refused[key] = error.what
            del usable[key]
    if arm is None or not keys:
        return TEMPERATURE, Choice("calibrator", TEMPERATURE, note=_NONE_COMPARED)
    candidates: dict[str, Values] = {key: partial(_loss, arm, key) for key in usable}
    rows = compare_means(draws, candidates, TEMPERATURE, resamples, larger_is_better=False)
    chosen = rows[0].name if rows[0].is_better else TEMPERATURE
    what = "log loss of inliers, fitted on the other four fifths of the clusters"
    return chosen, Choice("calibrator", chosen, TEMPERATURE, what, tuple(rows), refused=refused)


def _sets(
    draws: Sequence[ValidationDraw],
    methods: Sequence[Method],
    arm: str | None,
    resamples: CrossedResamples,
    alpha: float,
) -> tuple[str, Choice]:
    keys = dict.fromkeys(method.key for method in methods if method.kind == "conformal")
    if arm is None or not keys:
        return SETS.method, Choice("prediction set", SETS.method, note=_NONE_COMPARED)
    names = (SETS.method, *(key for key in keys if key != SETS.method))
    sizes: dict[str, Values] = {key: partial(_size, arm, key, alpha) for key in names}
    rows = compare_means(draws, sizes, SETS.method, resamples, larger_is_better=False)
    gaps: dict[str, Values] = {key: partial(_held, arm, key, alpha) for key in names}
    covered = compare_means(draws, gaps, SETS.method, resamples, larger_is_better=True)
    worse = [row.name for row in covered if row.is_worse]
    best: Compared = next((row for row in rows if row.name not in worse), rows[0])
    chosen = best.name if best.is_better else SETS.method
    what = (
        f"conditions in a set with {100 * (1 - alpha):.4g} % coverage, fitted on the other four "
        "fifths of the clusters"
    )
    return chosen, Choice(
        "prediction set", chosen, SETS.method, what, tuple(rows), beside=tuple(covered)
    )


def _has_outliers(draw: ValidationDraw) -> bool:
    judged = np.ones(len(draw.truth), dtype=np.bool_) if draw.fresh is None else draw.fresh
    return bool((judged & ~draw.known).any())


def _scores(name: str, draw: ValidationDraw) -> Floats:
    return draw.scores[name]


def _right(arm: str, draw: ValidationDraw) -> Floats:
    named = draw.probabilities[arm][:, : draw.n_inliers].argmax(axis=1)
    return np.where(draw.known, named == draw.truth, np.nan)


def _loss(arm: str, key: str, draw: ValidationDraw) -> Floats:
    return log_loss(draw, arm, key)


def _size(arm: str, key: str, alpha: float, draw: ValidationDraw) -> Floats:
    return sets_of(draw, arm, key, alpha)[0]


def _held(arm: str, key: str, alpha: float, draw: ValidationDraw) -> Floats:
    return sets_of(draw, arm, key, alpha)[1]


_NOT_MEASURED = "{0} is the default and was not among the methods, so that nothing is compared."
_NONE_COMPARED = "None was among the methods, so the default is recommended."
_NO_OUTLIERS = (
    "Every validation outlier is of a condition that trained an ensemble, or there is none: "
    "nothing tells which score knows others."
)
_OLD_RECORDS = (
    "The records are of an earlier version: outliers of conditions that trained are not left out."
)
