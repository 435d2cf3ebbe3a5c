"""Ways of abstaining against each other, and thresholds that promise to miss few of high risk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.data.clinical import Risk
from triage.data.spec import DataSpec
from triage.decisions.costs import expected_outcome_cost, outcome_cost
from triage.decisions.guaranteed_threshold import fit_guaranteed_threshold
from triage.decisions.joint_rejection import fit_joint_rejection
from triage.evaluation.benchmarks.draw_record import (
    TEST,
    VALIDATION,
    DrawRecord,
    Ensemble,
    Floats,
    policy_costs,
)
from triage.evaluation.benchmarks.resampling import CrossedResamples
from triage.evaluation.benchmarks.results import GuaranteeRow, RejectionRow
from triage.uncertainty.outlier_probability import fit_outlier_probability
from triage.uncertainty.scores.max_softmax import MaxSoftmax
from triage.uncertainty.scores.outlier_mass import OutlierMass

IN_USE = "score threshold"
ALPHAS = (0.05, 0.1, 0.2)
DELTA = 0.1
Abstained = NDArray[np.bool_]
Rule = Callable[[DrawRecord, str, DataSpec], Abstained]


def rejection_rows(
    draws: Sequence[DrawRecord],
    heads: Sequence[str],
    spec: DataSpec,
    resamples: CrossedResamples,
) -> list[RejectionRow]:
    """Measure each rule on each kind of ensemble, with its own score; thresholds by validation."""
    if not all((draw.truth[VALIDATION] < 0).any() for draw in draws):
        return []  # nothing to set a threshold on
    rows = []
    for head in heads:
        costs, abstained = {}, {}
        for title, rule in RULES.items():
            found = [_measure(draw, head, spec, rule, resamples) for draw in draws]
            costs[title] = np.stack([cost for cost, _ in found])
            abstained[title] = np.stack([share for _, share in found])
        for title in RULES:
            rows.append(
                RejectionRow(
                    key=f"{title}@{head}",
                    title=title,
                    head=head,
                    cost=resamples.number(costs[title]),
                    abstained=resamples.number(abstained[title]),
                    difference=None
                    if title == IN_USE
                    else resamples.number(costs[title] - costs[IN_USE]),
                )
            )
    return rows


def own_score(ensemble: Ensemble, name: str) -> Floats:
    """The score that belongs to the head: outlier mass where it has outlier classes."""
    probabilities = ensemble.probabilities[name]
    has_outliers = probabilities.shape[1] > ensemble.n_inliers
    score = OutlierMass() if has_outliers else MaxSoftmax()
    return score.of(probabilities, ensemble.n_inliers)


def _measure(
    draw: DrawRecord, head: str, spec: DataSpec, rule: Rule, resamples: CrossedResamples
) -> tuple[Floats, Floats]:
    """Cost and share abstained in every resample, at the spec's prevalence; two [B + 1]."""
    abstained = rule(draw, head, spec)
    right = draw.heads[head].calibrated(TEST).argmax(axis=1) == draw.truth[TEST]
    cost = outcome_cost(spec.costs.outcomes, draw.truth[TEST] < 0, right, abstained)
    weights = resamples.weights(draw.clusters[TEST])
    weights = weights * draw.prevalence(TEST, spec.outlier_prevalence)
    total = weights.sum(axis=1)
    return weights @ cost / total, weights @ abstained.astype(np.float64) / total


def _never(draw: DrawRecord, head: str, spec: DataSpec) -> Abstained:
    return np.zeros(len(draw.truth[TEST]), dtype=np.bool_)


def _always(draw: DrawRecord, head: str, spec: DataSpec) -> Abstained:
    return np.ones(len(draw.truth[TEST]), dtype=np.bool_)


def _doubtful(draw: DrawRecord, head: str, spec: DataSpec) -> Abstained:
    top = draw.heads[head].calibrated(TEST).max(axis=1)
    opinion, abstain = expected_outcome_cost(spec.costs.outcomes, np.zeros(len(top)), top)
    return opinion > abstain


def _policy(draw: DrawRecord, head: str, spec: DataSpec) -> Abstained:
    ensemble = draw.heads[head]
    scores = {name: own_score(ensemble, name) for name in (VALIDATION, TEST)}
    return policy_costs(draw, head, scores, spec)[1]


@dataclass(frozen=True)
class _Calibrated:
    """Probability of being an outlier, and of the best label given it is none."""

    p_outlier: Floats
    p_top: Floats


def _calibrated(draw: DrawRecord, head: str, spec: DataSpec) -> dict[str, _Calibrated]:
    ensemble = draw.heads[head]
    outlier = draw.truth[VALIDATION] < 0
    platt = fit_outlier_probability(
        own_score(ensemble, VALIDATION), outlier, spec.outlier_prevalence
    )
    return {
        name: _Calibrated(platt(own_score(ensemble, name)), ensemble.calibrated(name).max(axis=1))
        for name in (VALIDATION, TEST)
    }


def _joint(draw: DrawRecord, head: str, spec: DataSpec) -> Abstained:
    seen = _calibrated(draw, head, spec)
    right = draw.heads[head].calibrated(VALIDATION).argmax(axis=1) == draw.truth[VALIDATION]
    fitted = fit_joint_rejection(
        seen[VALIDATION].p_outlier,
        seen[VALIDATION].p_top,
        draw.truth[VALIDATION] < 0,
        right,
        spec.costs.outcomes,
        spec.outlier_prevalence,
    )
    return fitted.abstains(seen[TEST].p_outlier, seen[TEST].p_top)


def _chow(draw: DrawRecord, head: str, spec: DataSpec) -> Abstained:
    seen = _calibrated(draw, head, spec)[TEST]
    opinion, abstain = expected_outcome_cost(spec.costs.outcomes, seen.p_outlier, seen.p_top)
    return opinion > abstain


RULES: dict[str, Rule] = {
    IN_USE: _policy,
    "joint rejection, fitted threshold": _joint,
    "joint rejection, threshold zero": _chow,
    "doubtful condition only": _doubtful,
    "never abstain": _never,
    "always abstain": _always,
}


def guarantee_rows(
    draws: Sequence[DrawRecord], heads: Sequence[str], spec: DataSpec
) -> list[GuaranteeRow]:
    """Certify thresholds on validation inliers, and count what they miss on test inliers."""
    head = heads[-1]
    risky = [
        index for index, name in enumerate(draws[0].inliers) if spec.by_name[name].risk is Risk.HIGH
    ]
    if not risky:
        return []
    return [_guarantee(draws, head, risky, alpha) for alpha in ALPHAS]


def _guarantee(
    draws: Sequence[DrawRecord], head: str, risky: list[int], alpha: float
) -> GuaranteeRow:
    certified, missed, flagged, counts = [], [], [], []
    for draw in draws:
        seen = {}
        for name in (VALIDATION, TEST):
            inlier = draw.truth[name] >= 0
            p = draw.heads[head].calibrated(name)[inlier][:, risky].sum(axis=1)
            high = np.isin(draw.truth[name][inlier], risky)
            seen[name] = p, high, draw.clusters[name][inlier]
        p, high, cluster = seen[VALIDATION]
        rule = fit_guaranteed_threshold(p, high, alpha=alpha, delta=DELTA, cluster=cluster)
        certified.append(rule.certified)
        counts.append(rule.n_high_risk)
        p, high, _ = seen[TEST]
        known = rule.certified and high.any()
        missed.append(float((~rule.flags(p))[high].mean()) if known else None)
        flagged.append(float(rule.flags(p).mean()) if rule.certified else None)
    return GuaranteeRow(
        title=f"miss at most {alpha:.0%} of high-risk inliers ({head})",
        alpha=alpha,
        delta=DELTA,
        certified=certified,
        missed=missed,
        n_high_risk=counts,
        flagged=flagged,
    )
