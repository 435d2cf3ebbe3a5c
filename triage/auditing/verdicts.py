"""Whether an estimate meets a stated limit: yes, no, or not enough evidence.

The verdict goes by the whole interval, never by the estimate alone, and a metric seen on
too few clusters has no verdict but the third: too little evidence is not a pass.
"""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict

from triage.auditing.plan import AuditPlan, Limit
from triage.evaluation.metrics import METRICS
from triage.evaluation.results import Estimate, Evaluation, Level
from triage.vocabulary.verdicts import Verdict


class Finding(BaseModel):
    """One limit judged on one set of cases; axis and level are None overall."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    axis: str | None
    level: str | None
    limit: Limit
    estimate: Estimate
    verdict: Verdict


def judge(estimate: Estimate, limit: Limit) -> Verdict:
    """Judge an estimate by its 95 % interval.

    It meets a limit when the whole interval lies on the good side, fails when the whole
    interval lies on the bad side, and is not enough evidence otherwise, or where the
    evaluation found too few clusters. An interval without width, as earlier versions made where
    all cases were alike, says that nothing varied here, not that nothing varies.
    """
    if estimate.evidence == "not enough" or estimate.low is None or estimate.high is None:
        return Verdict.NOT_ENOUGH
    if not estimate.low < estimate.high:
        return Verdict.NOT_ENOUGH
    floor = -math.inf if limit.at_least is None else limit.at_least
    ceiling = math.inf if limit.at_most is None else limit.at_most
    if estimate.low >= floor and estimate.high <= ceiling:
        return Verdict.MEETS
    if estimate.high < floor or estimate.low > ceiling:
        return Verdict.FAILS
    return Verdict.NOT_ENOUGH


def judge_plan(evaluation: Evaluation, plan: AuditPlan) -> list[Finding]:
    """Judge every limit of a plan overall, then in each level of each subgroup axis."""
    scopes: list[tuple[str | None, str | None, dict[str, Estimate]]]
    scopes = [(None, None, evaluation.overall)]
    scopes += [(level.axis, level.level, level.metrics) for level in evaluation.subgroups]
    return [
        Finding(
            axis=axis,
            level=name,
            limit=limit,
            estimate=estimates[limit.metric],
            verdict=judge(estimates[limit.metric], limit),
        )
        for axis, name, estimates in scopes
        for limit in plan.limits
    ]


def worst_group(evaluation: Evaluation, axis: str, metric: str) -> Level | None:
    """Return the level of an axis with the worst value of a metric, by the estimate.

    Only levels with enough evidence compete, "unknown" among them; None where there are
    fewer than two. The worst of several noisy estimates looks worse than it is, so read
    it with its interval.
    """
    better = METRICS[metric].larger_is_better
    known = [
        (level.metrics[metric].value, level)
        for level in evaluation.levels(axis)
        if level.metrics[metric].evidence == "enough"
    ]
    ranked = [(value, level) for value, level in known if value is not None]
    if len(ranked) < 2 or better is None:
        return None
    pick = min if better else max
    return pick(ranked, key=lambda pair: pair[0])[1]
