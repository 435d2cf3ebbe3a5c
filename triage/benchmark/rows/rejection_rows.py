"""Rows of abstention rules, and of thresholds certified to miss few cases of high risk."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from triage.benchmark.draw_record import TEST, VALIDATION, DrawRecord, Ensemble, Floats
from triage.benchmark.resampling import CrossedResamples
from triage.benchmark.results import GuaranteeRow, RejectionRow
from triage.benchmark.rows.abstention_inputs import (
    Judged,
    joint_rejection,
    judge,
    own_score,
    rejection_by_outcomes,
)
from triage.benchmark.rows.mean_over_draws import difference_of, mean_numbers
from triage.benchmark.rows.metric_numbers import prevalence_weights as weights_of_draws
from triage.data.spec import DataSpec
from triage.decisions.abstention_threshold import cheapest_threshold
from triage.decisions.cost_matrix import largest_cost
from triage.decisions.guaranteed_threshold import fit_guaranteed_threshold
from triage.evaluation.metrics.weighted import CaseValues
from triage.uncertainty.outlier_probability import prevalence_weights
from triage.vocabulary.clinical import Risk

ALPHAS = (0.05, 0.1, 0.2)
DELTA = 0.1
COST, ABSTAINED, DIFFERENCE = "cost", "abstained", "difference"
Abstained = NDArray[np.bool_]
Rule = Callable[[dict[str, Judged], DataSpec], Abstained]


def rejection_rows(
    draws: Sequence[DrawRecord],
    heads: Sequence[str],
    spec: DataSpec,
    resamples: CrossedResamples,
) -> list[RejectionRow]:
    """Measure each rule on each kind of ensemble with its own score and threshold."""
    if not all((draw.truth[VALIDATION] < 0).any() for draw in draws):
        return []  # nothing to set a threshold on
    weights = weights_of_draws([draw.truth[TEST] < 0 for draw in draws], spec.outlier_prevalence)
    clusters = [draw.clusters[TEST] for draw in draws]
    rows = []
    for head in heads:
        judged = [judge(draw, head, _own_scores(draw.heads[head]), spec) for draw in draws]
        parts = {}
        for title, rule in RULES.items():
            found = [_measure(seen, spec, rule) for seen in judged]
            parts[COST, title] = [cost for cost, _ in found]
            parts[ABSTAINED, title] = [share for _, share in found]
        for title in RULES:
            parts[DIFFERENCE, title] = [
                difference_of(one, used)
                for one, used in zip(parts[COST, title], parts[COST, IN_USE], strict=True)
            ]
        numbers = mean_numbers(
            {" ".join(key): values for key, values in parts.items()},
            clusters,
            weights=weights,
            seed=resamples.seed,
        )
        rows += [
            RejectionRow(
                key=f"{title}@{head}",
                title=title,
                head=head,
                cost=numbers[f"{COST} {title}"],
                abstained=numbers[f"{ABSTAINED} {title}"],
                difference=None if title == IN_USE else numbers[f"{DIFFERENCE} {title}"],
            )
            for title in RULES
        ]
    return rows


def _own_scores(ensemble: Ensemble) -> dict[str, Floats]:
    return {
        name: own_score(probabilities, ensemble.n_inliers)
        for name, probabilities in ensemble.probabilities.items()
    }


def _measure(
    judged: dict[str, Judged], spec: DataSpec, rule: Rule
) -> tuple[CaseValues, CaseValues]:
    """Cost of each test case, and whether it was abstained on."""
    abstained = rule(judged, spec)
    asked = judged[TEST]
    cost = asked.cost(abstained)
    everyone = np.ones(len(cost), dtype=np.bool_)
    return (
        CaseValues(cost, everyone, high=largest_cost(spec)),
        CaseValues(abstained, everyone),
    )


def _never(judged: dict[str, Judged], spec: DataSpec) -> Abstained:
    return np.zeros(len(judged[TEST].score), dtype=np.bool_)


def _always(judged: dict[str, Judged], spec: DataSpec) -> Abstained:
    return np.ones(len(judged[TEST].score), dtype=np.bool_)


def _doubtful(judged: dict[str, Judged], spec: DataSpec) -> Abstained:
    return _too_doubtful(judged[TEST])


def _score_threshold(judged: dict[str, Judged], spec: DataSpec) -> Abstained:
    """Abstain above the cheapest score threshold, or below it if uncertain."""
    seen, asked = judged[VALIDATION], judged[TEST]
    doubtful = _too_doubtful(seen)
    threshold, _ = cheapest_threshold(
        seen.score,
        seen.cost(doubtful),
        seen.abstain,
        prevalence_weights(seen.outlier, spec.outlier_prevalence),
    )
    return (asked.score > threshold) | _too_doubtful(asked)


def _chow(judged: dict[str, Judged], spec: DataSpec) -> Abstained:
    return judged[TEST].choices.saving > 0


def _too_doubtful(judged: Judged) -> Abstained:
    return judged.if_known.saving > 0


IN_USE = "joint rejection"
RULES: dict[str, Rule] = {
    IN_USE: joint_rejection,
    "joint rejection, threshold zero": _chow,
    "joint rejection by outcomes, without urgencies": rejection_by_outcomes,
    "score threshold": _score_threshold,
    "doubtful condition only": _doubtful,
    "never abstain": _never,
    "always abstain": _always,
}


def guarantee_rows(
    draws: Sequence[DrawRecord], heads: Sequence[str], spec: DataSpec
) -> list[GuaranteeRow]:
    """Certify thresholds on validation inliers; count their misses on test inliers.

    Returns
    -------
    list of GuaranteeRow
        One a head and share of misses; empty where no inlier condition is of high risk.
    """
    risky = [
        index for index, name in enumerate(draws[0].inliers) if spec.by_name[name].risk is Risk.HIGH
    ]
    if not risky:
        return []
    return [_guarantee(draws, head, risky, alpha) for head in heads for alpha in ALPHAS]


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
