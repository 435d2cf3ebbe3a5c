"""Clinical metrics of the system's decisions: cost, abstention, and wrong urgency.

Urgency ranks grow as urgency falls (0 = urgent ... 3 = observation), so a case is under-triaged
when its queue rank exceeds its true rank. Abstained cases count with the urgency at which they were
queued. Each function returns the values of the cases whose mean is its metric.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from triage.evaluation.metrics.cases import BoolColumn, Cases
from triage.evaluation.metrics.weighted import CaseValues

URGENT, OBSERVATION = 0, 3


def clinical_cost(cases: Cases) -> CaseValues:
    """Clinical cost of every case, in the data spec's cost units, 0 to the largest there is."""
    return CaseValues(cases.cost, np.isfinite(cases.cost), high=cases.cost_ceiling)


def abstention_rate(cases: Cases) -> CaseValues:
    """Whether the system gave no opinion, of every case, with a known condition or not."""
    return CaseValues(cases.abstained, np.ones(len(cases), dtype=np.bool_))


def coverage(cases: Cases) -> CaseValues:
    """Whether the system gave an opinion, of inliers: the cases of `selective_accuracy`."""
    return CaseValues(~cases.abstained, cases.is_inlier)


def outlier_abstention_rate(cases: Cases) -> CaseValues:
    """Whether the system rightly gave no opinion, of outliers."""
    return CaseValues(cases.abstained, cases.is_outlier)


def under_triage_rate(cases: Cases) -> CaseValues:
    """Whether it was queued less urgently than it is, of every case."""
    return CaseValues(_too_low(cases), _both_known(cases))


def over_triage_rate(cases: Cases) -> CaseValues:
    """Whether it was queued more urgently than it is, of every case."""
    return CaseValues(cases.queue_urgency < cases.true_urgency, _both_known(cases))


def abstained_under_triage_rate(cases: Cases) -> CaseValues:
    """Whether it was queued less urgently than it is, of cases without an opinion."""
    return CaseValues(_too_low(cases), _both_known(cases) & cases.abstained)


def urgent_at_observation_rate(cases: Cases) -> CaseValues:
    """Whether it was queued for observation only, of urgent cases: the worst error."""
    urgent = _both_known(cases) & (cases.true_urgency == URGENT)
    return CaseValues(cases.queue_urgency == OBSERVATION, urgent)


def sensitivity_at(cut: int) -> Callable[[Cases], CaseValues]:
    """Return: whether it was queued at least as urgently as `cut`, of cases that urgent."""
    return lambda cases: CaseValues(
        cases.queue_urgency <= cut, _both_known(cases) & (cases.true_urgency <= cut)
    )


def specificity_at(cut: int) -> Callable[[Cases], CaseValues]:
    """Return: whether it was queued less urgently than `cut`, of the less urgent cases."""
    return lambda cases: CaseValues(
        cases.queue_urgency > cut, _both_known(cases) & (cases.true_urgency > cut)
    )


def _too_low(cases: Cases) -> BoolColumn:
    found: BoolColumn = cases.queue_urgency > cases.true_urgency
    return found


def _both_known(cases: Cases) -> BoolColumn:
    found: BoolColumn = (cases.true_urgency >= 0) & (cases.queue_urgency >= 0)
    return found
