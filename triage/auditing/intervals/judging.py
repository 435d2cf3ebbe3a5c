"""Estimates judged against the limits of a plan, with a correction for their number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from triage.auditing.audit_plan import AuditPlan, Limit
from triage.auditing.intervals.more_cases import MoreCases, more_cases
from triage.auditing.intervals.multiplicity import adjust_benjamini_hochberg, adjust_holm
from triage.auditing.intervals.result import IntervalResult
from triage.auditing.measurement import OVERALL, AuditEstimate, AuditFinding
from triage.vocabulary.verdicts import Verdict

Row = tuple[AuditEstimate, IntervalResult]
Correction = Literal["Holm", "Benjamini-Hochberg"]


def judge_all(rows: Sequence[Row], plan: AuditPlan) -> list[AuditFinding]:
    """Judge every estimate that the plan has a limit for.

    A limit is met, or failed, only where the estimate lies on that side of it, the evidence is
    enough, and the two-sided p-value that the true value is the limit, adjusted over its set, is
    below one less the confidence. Rows of the primary set are adjusted by Holm's method, all
    others by Benjamini and Hochberg's.

    Parameters
    ----------
    rows : sequence of (AuditEstimate, IntervalResult)
    plan : AuditPlan

    Returns
    -------
    list of AuditFinding
        In the order of the plan's limits, then of the rows.
    """
    pairs = [(limit, *row) for limit in plan.limits for row in rows if _is_judged(row[0], limit)]
    raw = np.array([_p_value(*pair) for pair in pairs], dtype=np.float64)
    primary = np.array([limit.primary for limit, *_ in pairs], dtype=np.bool_)
    adjusted = np.full(len(pairs), np.nan)
    adjusted[primary] = adjust_holm(raw[primary])
    adjusted[~primary] = adjust_benjamini_hochberg(raw[~primary])
    sizes = {True: int(primary.sum()), False: int((~primary).sum())}
    return [
        _finding(
            limit, estimate, result, float(raw[at]), float(adjusted[at]), plan,
            sizes[limit.primary],
        )
        for at, (limit, estimate, result) in enumerate(pairs)
    ]  # fmt: skip


def _is_judged(estimate: AuditEstimate, limit: Limit) -> bool:
    overall = estimate.axis == OVERALL
    where = {"everywhere": True, "overall": overall, "groups": not overall}
    return estimate.metric == limit.metric and where[limit.scope]


def _p_value(limit: Limit, estimate: AuditEstimate, result: IntervalResult) -> float:
    """Return the p-value, NaN where the row cannot be judged and is not counted."""
    if estimate.evidence != "enough" or result.evidence != "enough" or estimate.value is None:
        return float("nan")
    found = result.p_value(limit.bound)
    return float("nan") if found is None else found


def _finding(
    limit: Limit,
    estimate: AuditEstimate,
    result: IntervalResult,
    p_value: float,
    p_adjusted: float,
    plan: AuditPlan,
    count: int,
) -> AuditFinding:
    level = 1 - plan.intervals.confidence
    verdict = Verdict.NOT_ENOUGH
    if p_adjusted < level and estimate.value is not None:  # a NaN is never below
        good = estimate.value > limit.bound
        good = good if limit.at_most is None else estimate.value < limit.bound
        verdict = Verdict.MEETS if good else Verdict.FAILS
    more = MoreCases(None, None)
    if verdict is Verdict.NOT_ENOUGH:
        more = more_cases(estimate, result, limit, plan.intervals, level / count)
    correction: Correction = "Holm" if limit.primary else "Benjamini-Hochberg"
    tested = bool(np.isfinite(p_value))
    return AuditFinding(
        **estimate.model_dump(),
        at_least=limit.at_least,
        at_most=limit.at_most,
        verdict=verdict,
        p_value=p_value if tested else None,
        p_adjusted=p_adjusted if tested else None,
        primary=limit.primary,
        correction=correction,
        more_without_error=more.without_error,
        more_at_this_rate=more.at_this_rate,
    )
