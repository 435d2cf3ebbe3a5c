"""Audits: three verdicts on stated limits, and the worst group of each subgroup axis.

An `AuditPlan` states the limits before anything is measured; `judge` says of each estimate
whether it meets its limit, fails it, or is not enough evidence, by its interval.
"""

from triage.auditing.plan import DEFAULT_PLAN, AuditPlan, Limit
from triage.auditing.verdicts import Finding, Verdict, judge, judge_plan, worst_group

__all__ = [
    "DEFAULT_PLAN",
    "AuditPlan",
    "Finding",
    "Limit",
    "Verdict",
    "judge",
    "judge_plan",
    "worst_group",
]
