"""Rows of scores: near, far and shifted sets, with differences to the best baseline."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from triage.benchmark.draw_record import FAR, TEST, VALIDATION, DrawRecord, Floats, MethodRecord
from triage.benchmark.resampling import CrossedResamples
from triage.benchmark.results import Cost, Curve, Number, ScoreRow
from triage.benchmark.rows.abstention_inputs import joint_rejection, judge, rejection_by_outcomes
from triage.benchmark.rows.method_names import Named
from triage.benchmark.rows.metric_numbers import (
    AT_PREVALENCE,
    DECIDED,
    DrawOutcomes,
    Support,
    metric_numbers,
    metric_support,
    prevalence_weights,
    resampled,
    support,
)
from triage.benchmark.rows.ordering import first_of, ranked
from triage.data.spec import DataSpec
from triage.decisions.cost_matrix import largest_cost
from triage.decisions.outcome_costs import outcome_cost
from triage.evaluation.curves import GRID, risk_at_grid
from triage.evaluation.metrics import METRICS, Interval
from triage.evaluation.metrics.classification import correct
from triage.evaluation.outcomes import Outcomes
from triage.uncertainty.auroc import weighted_auroc
from triage.uncertainty.combination import COMBINATION
from triage.uncertainty.combination import INFO as COMBINED
from triage.uncertainty.scores import SCORES
from triage.uncertainty.scores.score import Need, ScoreInfo

RANDOM = "random referral"
"""Key of the control among the curves."""
AS_FOUND = ("ood_auroc", "ood_fpr95")
RANKING = "ood_auroc"
OUTCOME_COST = "outcome_cost"
"""Mean cost by outcome alone, with the abstentions that are cheapest by it."""


WITH_A_THRESHOLD = (*DECIDED, OUTCOME_COST)


@dataclass(frozen=True)
class Scored:
    """A score, its metrics, and its near AUROC in every draw and resample, [R, B + 1]."""

    method: Named
    near: dict[str, Number]
    near_auroc: Floats
    near_support: Support
    far: Number
    shifted: dict[str, Number]
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
    judged = [one for one in baselines if np.isfinite(one.validation).any()]
    best = next(iter(baselines), None)
    if judged:
        best = first_of(judged, lambda one: float(np.nanmean(one.validation)))
    rows = [_row(draws, one, best, resamples, saw_outliers) for one in found]
    return ranked(rows), best.method.name if best else None


def _is_baseline(method: Named, saw_outliers: Collection[str]) -> bool:
    return _info(method.key).baseline and method.head not in saw_outliers


def risk_curves(
    draws: Sequence[DrawRecord], methods: Sequence[Named], spec: DataSpec
) -> list[Curve]:
    """Risk at each coverage of `GRID` for each method, and last for referral at random.

    At the spec's prevalence, mean over the draws whose test cases hold inliers and outliers;
    empty where none do. Referred at random, the first method's cases have the same risk at
    every coverage: the control of every curve.
    """
    kept = [draw for draw in draws if 0 < (draw.truth[TEST] < 0).sum() < len(draw.truth[TEST])]
    if not kept or not methods:
        return []
    weights = prevalence_weights([draw.truth[TEST] < 0 for draw in kept], spec.outlier_prevalence)
    curves = []
    for method in methods:
        outcomes = [_outcomes(draw, method, spec) for draw in kept]
        risks, own = (
            [risk_at_grid(one, given[None])[0] for one, given in zip(outcomes, shares, strict=True)]
            for shares in (weights, [np.ones(len(one)) for one in outcomes])
        )
        curves.append(_curve(method.name, risks, own))
    wrong = [~correct(_outcomes(draw, methods[0], spec)) for draw in kept]
    level = [np.average(one, weights=given) for one, given in zip(wrong, weights, strict=True)]
    flat = np.ones(len(GRID))
    random = [flat * risk for risk in level], [flat * one.mean() for one in wrong]
    return [*curves, _curve(RANDOM, *random)]


def _curve(key: str, risks: Sequence[Floats], at_split_share: Sequence[Floats]) -> Curve:
    return Curve(
        key=key,
        coverage=[float(coverage) for coverage in GRID.round(6)],
        risk=[float(risk) for risk in np.mean(risks, axis=0)],
        at_split_share=[float(risk) for risk in np.mean(at_split_share, axis=0)],
    )


def _measure(
    draws: Sequence[DrawRecord], method: Named, spec: DataSpec, resamples: CrossedResamples
) -> Scored:
    tested = DrawOutcomes(
        [_outcomes(draw, method, spec) for draw in draws], [draw.clusters[TEST] for draw in draws]
    )
    validation = []
    for draw in draws:
        scores, outlier = draw.results[method.name].arrays, draw.truth[VALIDATION] < 0
        validation.append(
            weighted_auroc(scores[VALIDATION], outlier, np.ones((1, len(outlier))))[0]
        )
    keys = (*AS_FOUND, *AT_PREVALENCE)
    near = metric_numbers(keys, tested, resamples, spec.outlier_prevalence)
    plain = replace(tested, outcomes=[_by_outcomes(draw, method, spec) for draw in draws])
    priced = metric_numbers(["clinical_cost"], plain, resamples, spec.outlier_prevalence)
    near[OUTCOME_COST] = priced["clinical_cost"]
    return Scored(
        method=method,
        near=near,
        near_auroc=resampled([RANKING], tested, resamples)[RANKING],
        near_support=metric_support(METRICS[RANKING], tested),
        far=_against(draws, method, FAR, resamples),
        shifted={name: _against(draws, method, name, resamples) for name in draws[0].shifts},
        validation=np.array(validation),
    )


def _outcomes(draw: DrawRecord, method: Named, spec: DataSpec) -> Outcomes:
    """Test cases with the decisions and the costs of the cost matrix."""
    scores = draw.results[method.name].arrays
    plain = draw.outcomes(TEST, draw.heads[method.head].calibrated(TEST))
    outlier = draw.truth[VALIDATION] < 0
    if outlier.all() or not outlier.any():  # no threshold can be set
        return replace(plain, ood_score=scores[TEST], largest_cost=largest_cost(spec))
    judged = judge(draw, method.head, scores, spec)
    abstained, asked = joint_rejection(judged, spec), judged[TEST]
    return replace(
        plain,
        ood_score=scores[TEST],
        cost=asked.cost(abstained),
        abstained=abstained,
        true_urgency=_true_urgency(draw, spec),
        queue_urgency=np.where(abstained, asked.choices.queue, asked.choices.urgency),
        largest_cost=largest_cost(spec),
    )


def _true_urgency(draw: DrawRecord, spec: DataSpec) -> NDArray[np.int64]:
    """Urgency rank of each test case; the queue rates need the conditions of the outliers."""
    ranks = np.array([spec.by_name[name].urgency.rank for name in draw.inliers], dtype=np.int64)
    found = ranks[draw.truth[TEST]]
    outlier = draw.truth[TEST] < 0
    if draw.outliers is not None:
        found[outlier] = [spec.by_name[name].urgency.rank for name in draw.outliers[outlier]]
    return found


def _by_outcomes(draw: DrawRecord, method: Named, spec: DataSpec) -> Outcomes:
    """Test cases with costs and abstentions by outcome alone, as targets were stated."""
    outcomes, scores = _outcomes(draw, method, spec), draw.results[method.name].arrays
    costs, outlier = spec.costs.outcomes, draw.truth[VALIDATION] < 0
    largest = max(costs.model_dump().values())
    if outlier.all() or not outlier.any():
        return replace(outcomes, largest_cost=largest)
    judged = judge(draw, method.head, scores, spec)
    asked, abstained = judged[TEST], rejection_by_outcomes(judged, spec)
    cost = outcome_cost(costs, asked.outlier, asked.right, abstained)
    return replace(outcomes, cost=cost, abstained=abstained, largest_cost=largest)


def _against(
    draws: Sequence[DrawRecord], method: Named, name: str, resamples: CrossedResamples
) -> Number:
    """AUROC of clean test inliers against another set."""
    values, kinds = [], []
    for draw in draws:
        scores = draw.results[method.name].arrays
        inlier = draw.truth[TEST] >= 0
        both = np.concatenate([scores[TEST][inlier], scores[name]])
        clusters = np.concatenate([draw.clusters[TEST][inlier], draw.clusters[name]])
        outlier = np.arange(len(both)) >= inlier.sum()
        values.append(weighted_auroc(both, outlier, resamples.weights(clusters)))
        kinds.append((clusters, [outlier, ~outlier]))
    return resamples.number(
        np.stack(values), Interval.KORN_GRAUBARD, **support(kinds)._asdict(), within=(0.0, 1.0)
    )


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
        difference = resamples.number(
            one.near_auroc - best.near_auroc, **one.near_support._asdict(), within=(-1.0, 1.0)
        )
    judged = one.validation[np.isfinite(one.validation)]
    has_cost = len(judged) > 0
    near = dict(one.near)
    if not has_cost:
        near |= dict.fromkeys(WITH_A_THRESHOLD, Number())
    return ScoreRow(
        key=method.name,
        score=method.key,
        head=method.head,
        title=info.title,
        need=str(SCORES[method.key].need if method.key in SCORES else Need.EMBEDDINGS),
        baseline=_is_baseline(method, saw_outliers),
        uses_outliers=method.head in saw_outliers,
        near=near,
        far=one.far,
        shifted=one.shifted,
        difference=difference,
        near_auroc_by_draw=[_plain(value) for value in one.near_auroc[:, 0]],
        validation_auroc=float(judged.mean()) if has_cost else None,
        cost=cost_of([draw.results[method.name] for draw in draws]),
    )


def cost_of(results: Sequence[MethodRecord]) -> Cost:
    """Median times over draws, and the memory of the draw in which it was traced."""
    traced = [one.memory_mib for one in results if one.memory_mib is not None]
    return Cost(
        fit_seconds=float(np.median([one.fit_seconds for one in results])),
        score_seconds=float(np.median([one.score_seconds for one in results])),
        memory_mib=max(traced) if traced else None,
    )


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _info(key: str) -> ScoreInfo:
    return COMBINED if key == COMBINATION else SCORES[key].info
