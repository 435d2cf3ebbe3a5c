"""The limits of an audit whose plan states none of its own."""

from __future__ import annotations

from triage.auditing.audit_plan import Limit

DEFAULT_SOURCE = "our default, not a clinical standard"
"""Who set `DEFAULT_LIMITS`, as `AuditPlan.source` names it."""
_BOUNDS: dict[str, dict[str, float]] = {
    "accuracy": {"at_least": 0.70},
    "ood_auroc": {"at_least": 0.70},
    "urgent_at_observation_rate": {"at_most": 0.05},
    "abstained_under_triage_rate": {"at_most": 0.20},
}
DEFAULT_LIMITS = (
    *(Limit(metric=key, scope="overall", **bound) for key, bound in _BOUNDS.items()),
    *(Limit(metric=key, scope="groups", primary=False, **bound) for key, bound in _BOUNDS.items()),
)
"""The primary set is of all cases, so that its correction does not grow with the groups."""
