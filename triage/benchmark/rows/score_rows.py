"""The table of scores: near, far and shifted sets apart, with differences to the best baseline."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from triage.benchmark.draw_record import FAR, TEST, VALIDATION, DrawRecord, Floats, Said
from triage.benchmark.resampling import CrossedResamples
from triage.benchmark.results import Cost, Number, ScoreRow
from triage.benchmark.rows.judging import joint_rejection, judge
from triage.benchmark.rows.named import Named
from triage.data.spec import DataSpec
from triage.decisions.cost_matrix import outcome_cost
from triage.evaluation.curves import GRID, risk_at_grid
from triage.evaluation.metrics import METRICS
from triage.evaluation.metrics.classification import correct
from triage.evaluation.outcomes import Outcomes
from triage.uncertainty.auroc import weighted_auroc
from triage.uncertainty.combination import COMBINATION
from triage.uncertainty.combination import INFO as COMBINED
from triage.uncertainty.scores import SCORES
from triage.uncertainty.scores.score import Need, ScoreInfo

AS_FOUND = ("ood_auroc", "ood_fpr95")
AT_PREVALENCE = ("ood_aupr", "aurc", "clinical_cost", "abstention_rate")
"""Metrics that depend on how many outliers there are: taken at the spec's prevalence."""


@dataclass(frozen=True)
class Scored:
    """A score, and its metrics in every draw and resample, [R, B + 1] a set."""

    method: Named
    near: dict[str, Floats]
    far: Floats
    shifted: dict[str, Floats]
    validation: Floats


def score_rows(
    draws: Sequence[DrawRecord],
    methods: Sequence[Named],
    spec: DataSpec,
    resamples: CrossedResamples,
    tick: Callable[[], None] = lambda: None,
    *,
    saw_outliers: Collection[str] = (),
) -> tuple[list[ScoreRow], str | None]:
    """Measure every score in every draw.

    Parameters
    ----------
    draws : sequence of DrawRecord
    methods : sequence of Named
        Scores with their heads.
    spec : DataSpec
    resamples : CrossedResamples
        The same for all scores, so that differences are paired.
    tick : callable
        Called once a score.
    saw_outliers : collection of str
        Heads that outliers trained.

    Returns
    -------
    rows : list of ScoreRow
        The best near AUROC first (far AUROC where there is no near set).
    best_baseline : str or None
        The baseline with the best AUROC on validation outliers, so that the test cases have
        no part in the choice. None where no baseline was measured; on a head that outliers
        trained a score is none.
    """
    found = []
    for method in methods:
        found.append(_measure(draws, method, spec, resamples))
        tick()
    baselines = [one for one in found if _is_baseline(one.method, saw_outliers)]
    judged = [
        (np.nanmean(one.validation), one) for one in baselines if np.isfinite(one.validation).any()
    ]
    best = max(judged, key=lambda pair: pair[0])[1] if judged else next(iter(baselines), None)
    rows = [_row(draws, one, best, resamples, saw_outliers) for one in found]
    rows.sort(key=_rank, reverse=True)
    return rows, best.method.name if best else None


def _is_baseline(method: Named, saw_outliers: Collection[str]) -> bool:
    return _info(method.key).baseline and method.head not in saw_outliers


def risk_curve(draws: Sequence[DrawRecord], method: Named, spec: DataSpec) -> list[float]:
    """Mean risk over draws at each coverage of `GRID`, at the spec's prevalence of outliers."""
    risks = []
    for draw in draws:
        outcomes = _outcomes(draw, method, spec)
        weights = draw.prevalence(TEST, spec.outlier_prevalence)[None]
        risks.append(risk_at_grid(outcomes, weights)[0])
    return [float(risk) for risk in np.mean(risks, axis=0)]


def random_risk(draws: Sequence[DrawRecord], method: Named, spec: DataSpec) -> float:
    """Mean risk when the same cases are referred at random: flat, the control of every curve."""
    risks = []
    for draw in draws:
        weights = draw.prevalence(TEST, spec.outlier_prevalence)
        risks.append(np.average(~correct(_outcomes(draw, method, spec)), weights=weights))
    return float(np.mean(risks))


COVERAGES = [float(coverage) for coverage in GRID.round(6)]


def _measure(
    draws: Sequence[DrawRecord], method: Named, spec: DataSpec, resamples: CrossedResamples
) -> Scored:
    near: dict[str, list[Floats]] = {key: [] for key in (*AS_FOUND, *AT_PREVALENCE)}
    far: list[Floats] = []
    shifted: dict[str, list[Floats]] = {shift: [] for shift in draws[0].shifts}
    validation: list[float] = []
    for draw in draws:
        scores = draw.said[method.name].arrays
        weights = resamples.weights(draw.clusters[TEST])
        outcomes = _outcomes(draw, method, spec)
        at_prevalence = weights * draw.prevalence(TEST, spec.outlier_prevalence)
        for key, values in near.items():
            given = weights if key in AS_FOUND else at_prevalence
            values.append(METRICS[key].compute(outcomes, given))
        far.append(_against(draw, scores, FAR, resamples))
        for shift, found in shifted.items():
            found.append(_against(draw, scores, shift, resamples))
        outlier = draw.truth[VALIDATION] < 0
        validation.append(
            weighted_auroc(scores[VALIDATION], outlier, np.ones((1, len(outlier))))[0]
        )
    return Scored(
        method=method,
        near={key: np.stack(values) for key, values in near.items()},
        far=np.stack(far),
        shifted={shift: np.stack(values) for shift, values in shifted.items()},
        validation=np.array(validation),
    )


def _outcomes(draw: DrawRecord, method: Named, spec: DataSpec) -> Outcomes:
    scores = draw.said[method.name].arrays
    plain = draw.outcomes(TEST, draw.heads[method.head].calibrated(TEST))
    outlier = draw.truth[VALIDATION] < 0
    if outlier.any() and not outlier.all():
        judged = judge(draw, method.head, scores, spec)
        abstained = joint_rejection(judged, spec)
        asked = judged[TEST]
        cost = outcome_cost(spec.costs.outcomes, asked.outlier, asked.right, abstained)
    else:  # no threshold can be set
        cost, abstained = plain.cost, plain.abstained
    return replace(plain, ood_score=scores[TEST], cost=cost, abstained=abstained)


def _against(
    draw: DrawRecord, scores: dict[str, Floats], name: str, resamples: CrossedResamples
) -> Floats:
    """AUROC of clean test inliers against another set, [B + 1]."""
    inlier = draw.truth[TEST] >= 0
    both = np.concatenate([scores[TEST][inlier], scores[name]])
    clusters = np.concatenate([draw.clusters[TEST][inlier], draw.clusters[name]])
    outlier = np.arange(len(both)) >= inlier.sum()
    return weighted_auroc(both, outlier, resamples.weights(clusters))


def _row(
    draws: Sequence[DrawRecord],
    one: Scored,
    best: Scored | None,
    resamples: CrossedResamples,
    saw_outliers: Collection[str],
) -> ScoreRow:
    method = one.method
    info = _info(method.key)
    difference = None
    if best is not None and best is not one:
        difference = resamples.number(one.near["ood_auroc"] - best.near["ood_auroc"])
    judged = one.validation[np.isfinite(one.validation)]
    has_cost = len(judged) > 0
    near = {key: resamples.number(values) for key, values in one.near.items()}
    if not has_cost:
        near |= dict.fromkeys(("clinical_cost", "abstention_rate"), Number())
    return ScoreRow(
        key=method.name,
        score=method.key,
        head=method.head,
        title=info.title,
        need=str(SCORES[method.key].need if method.key in SCORES else Need.EMBEDDINGS),
        baseline=_is_baseline(method, saw_outliers),
        uses_outliers=method.head in saw_outliers,
        near=near,
        far=resamples.number(one.far),
        shifted={shift: resamples.number(values) for shift, values in one.shifted.items()},
        difference=difference,
        near_auroc_by_draw=[_plain(value) for value in one.near["ood_auroc"][:, 0]],
        validation_auroc=float(judged.mean()) if has_cost else None,
        cost=cost_of([draw.said[method.name] for draw in draws]),
    )


def cost_of(said: Sequence[Said]) -> Cost:
    """Median times over draws, and the memory of the draw where it was traced."""
    traced = [one.memory_mib for one in said if one.memory_mib is not None]
    return Cost(
        fit_seconds=float(np.median([one.fit_seconds for one in said])),
        score_seconds=float(np.median([one.score_seconds for one in said])),
        memory_mib=max(traced) if traced else None,
    )


def _rank(row: ScoreRow) -> tuple[float, float]:
    near, far = row.near["ood_auroc"].value, row.far.value
    return (-1.0 if near is None else near, -1.0 if far is None else far)


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _info(key: str) -> ScoreInfo:
    return COMBINED if key == COMBINATION else SCORES[key].info
