"""The limits of an audit whose plan states none of its own."""

from __future__ import annotations

from triage.auditing.audit_plan import Limit

DEFAULT_SOURCE = "our default, not a clinical standard"
"""Who set `DEFAULT_LIMITS`, as `AuditPlan.source` names it."""
DEFAULT_LIMITS = (
    Limit(metric="accuracy", at_least=0.70),
    Limit(metric="ood_auroc", at_least=0.70),
    Limit(metric="urgent_at_observation_rate", at_most=0.05),
    Limit(metric="abstained_under_triage_rate", at_most=0.20),
)
