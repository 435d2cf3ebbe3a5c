"""Plans and rows of generated audits."""

from __future__ import annotations

from collections.abc import Sequence

from triage.auditing.audit_plan import AuditPlan, Limit
from triage.auditing.intervals import IntervalResult, interval_of
from triage.auditing.measured import Measured
from triage.auditing.measurement import AuditEstimate


def plan_of(*limits: Limit, **intervals: object) -> AuditPlan:
    """Return a plan with these limits."""
    return AuditPlan.model_validate(
        {
            "title": "Audit", "source": "a test", "created_at": "2026-01-01T00:00:00Z",
            "limits": [limit.model_dump() for limit in limits], "intervals": intervals,
        }
    )  # fmt: skip


def row(
    measured: Measured, plan: AuditPlan, axis: str = "site", level: str = "a"
) -> tuple[AuditEstimate, IntervalResult]:
    """Return an estimate and its interval."""
    found = interval_of(measured, plan.intervals)
    estimate = AuditEstimate(
        axis=axis, level=level, metric=measured.key, title=measured.title, unit=measured.unit,
        value=measured.value, low=found.low, high=found.high, n=measured.n,
        n_patients=measured.n_patients, n_positive=measured.n_positive, interval=found.method,
        evidence=found.evidence,
    )  # fmt: skip
    return estimate, found


def rows(groups: Sequence[Measured], plan: AuditPlan) -> list[tuple[AuditEstimate, IntervalResult]]:
    """Return one row a group."""
    return [row(each, plan, level=str(number)) for number, each in enumerate(groups)]
