"""Clinical metrics of the system's decisions: cost, abstention, and wrong urgency.

Urgency ranks grow as urgency falls (0 = urgent ... 3 = observation), so a case is under-triaged
when its queue rank exceeds its true rank. Abstained cases count with the urgency at which they were
queued. Each function returns the values of the cases whose mean is its metric.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.evaluation.metrics.weighted import CaseValues
from triage.evaluation.outcomes import Outcomes

URGENT, OBSERVATION = 0, 3


def clinical_cost(outcomes: Outcomes) -> CaseValues:
    """Clinical cost of every case, in the data spec's cost units, 0 to the largest there is."""
    return CaseValues(outcomes.cost, _all(outcomes), high=outcomes.cost_ceiling)


def abstention_rate(outcomes: Outcomes) -> CaseValues:
    """Whether the system gave no opinion, of every case."""
    return CaseValues(outcomes.abstained, _all(outcomes))


def coverage(outcomes: Outcomes) -> CaseValues:
    """Whether the system gave an opinion, of inliers: the cases of `selective_accuracy`."""
    return CaseValues(~outcomes.abstained, ~outcomes.is_outlier)


def outlier_abstention_rate(outcomes: Outcomes) -> CaseValues:
    """Whether the system rightly gave no opinion, of outliers."""
    return CaseValues(outcomes.abstained, outcomes.is_outlier)


def under_triage_rate(outcomes: Outcomes) -> CaseValues:
    """Whether it was queued less urgently than it is, of every case."""
    return CaseValues(_too_low(outcomes), _all(outcomes))


def over_triage_rate(outcomes: Outcomes) -> CaseValues:
    """Whether it was queued more urgently than it is, of every case."""
    return CaseValues(outcomes.queue_urgency < outcomes.true_urgency, _all(outcomes))


def abstained_under_triage_rate(outcomes: Outcomes) -> CaseValues:
    """Whether it was queued less urgently than it is, of cases without an opinion."""
    return CaseValues(_too_low(outcomes), outcomes.abstained)


def urgent_at_observation_rate(outcomes: Outcomes) -> CaseValues:
    """Whether it was queued for observation only, of urgent cases: the worst error."""
    return CaseValues(outcomes.queue_urgency == OBSERVATION, outcomes.true_urgency == URGENT)


def _too_low(outcomes: Outcomes) -> NDArray[np.bool_]:
    return outcomes.queue_urgency > outcomes.true_urgency


def _all(outcomes: Outcomes) -> NDArray[np.bool_]:
    return np.ones(len(outcomes), dtype=np.bool_)
