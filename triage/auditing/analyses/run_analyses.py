"""Run every analysis beyond the table of metrics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from triage.auditing.analyses.cost_sensitivity import cost_sensitivity
from triage.auditing.analyses.decision_curve import decision_curve
from triage.auditing.analyses.equalised_odds import equalised_odds
from triage.auditing.analyses.error_list import error_list
from triage.auditing.analyses.heal import heal
from triage.auditing.analyses.ood import ood
from triage.auditing.analyses.reliability import reliability
from triage.auditing.analyses.selective_labels import selective_labels
from triage.auditing.analyses.skin_tone_misclassification import skin_tone_misclassification
from triage.auditing.analyses.team import team
from triage.auditing.audit_plan import AuditPlan
from triage.auditing.audit_table import AuditTable
from triage.auditing.engine.content import patient_hashes
from triage.auditing.measurement import Analysis
from triage.progress import Progress

STAGE = "analyses"
ANALYSES = (
    equalised_odds,
    heal,
    decision_curve,
    team,
    selective_labels,
    skin_tone_misclassification,
    cost_sensitivity,
    ood,
    reliability,
    error_list,
)
"""In the order of the report. The name of each is the key of what it returns."""
NAMES = tuple(analysis.__name__ for analysis in ANALYSES)


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
    # Resamples of patients are then the same in whatever order the table has its rows.
    order = np.argsort(patient_hashes(table), kind="stable")
    number = np.empty(len(order), dtype=np.int32)
    number[order] = np.arange(len(order))
    table = replace(table, cluster=number[table.cluster])
    found = []
    for done, name in enumerate(NAMES):
        progress(STAGE, done, len(ANALYSES))
        found.append(run_analysis(name, table, plan))
    progress(STAGE, len(ANALYSES), len(ANALYSES))
    return found


def run_analysis(name: str, numbered: AuditTable, plan: AuditPlan) -> Analysis:
    """Run one analysis by its name.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    numbered : AuditTable
        Its patients numbered in the order of `patient_hashes`.
    plan : AuditPlan
    """
    return ANALYSES[NAMES.index(name)](numbered, plan)
