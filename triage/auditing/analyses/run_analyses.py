"""Run every analysis beyond the table of metrics."""

from __future__ import annotations

from collections.abc import Callable

from triage.auditing.audit_plan import AuditPlan
from triage.auditing.audit_table import AuditTable
from triage.auditing.measurement import Analysis
from triage.progress import Progress

STAGE = "analyses"

ANALYSES: dict[str, tuple[str, Callable[[AuditTable, AuditPlan], Analysis] | None]] = {
    "equalised_odds": ("Equalised odds", None),
    "heal": ("Health equity (HEAL)", None),
    "decision_curve": ("Decision curve", None),
    "team": ("First read, system, and final decision", None),
    "selective_labels": ("Selective labels", None),
    "skin_tone_misclassification": ("Misclassified levels", None),
    "cost_sensitivity": ("Sensitivity to costs", None),
    "ood": ("Coverage and risk", None),
    "reliability": ("Reliability", None),
    "error_list": ("Urgent cases queued below urgent", None),
}


def run_analyses(
    table: AuditTable, plan: AuditPlan, progress: Progress = lambda *_: None
) -> list[Analysis]:
    """Run every analysis of `ANALYSES`, in its order.

    Parameters
    ----------
    table : AuditTable
    plan : AuditPlan
    progress : callable
        Called with a stage, how much of it is done, and its total.

    Returns
    -------
    list of Analysis
        One each; one whose columns or settings are absent says so in `reason`.
    """
    found = []
    for done, (key, (title, function)) in enumerate(ANALYSES.items()):
        progress(STAGE, done, len(ANALYSES))
        found.append(
            Analysis(key=key, title=title, available=False, reason="not implemented")
            if function is None
            else function(table, plan)
        )
    progress(STAGE, len(ANALYSES), len(ANALYSES))
    return found
