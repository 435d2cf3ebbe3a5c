"""What the system's decisions did to patients: cost, abstention, and urgency too low or too high.

Urgency ranks grow as urgency falls (0 = urgent ... 3 = observation), so a case is
under-triaged when its queue rank exceeds its true rank. Abstained cases count with
the urgency at which they were queued.
"""

from __future__ import annotations

import numpy as np

from triage.evaluation.metrics.weighted import FloatArray, weighted_mean
from triage.evaluation.outcomes import Outcomes

URGENT, OBSERVATION = 0, 3


def clinical_cost(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """Mean clinical cost of a case, [B], in the data spec's cost units."""
    return weighted_mean(outcomes.cost, _all(outcomes), weights)


def abstention_rate(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """Share of all cases without an AI opinion, [B]."""
    return weighted_mean(outcomes.abstained, _all(outcomes), weights)


def coverage(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """Share of inliers with an AI opinion, [B]: what `selective_accuracy` is an accuracy of."""
    return weighted_mean(~outcomes.abstained, ~outcomes.is_outlier, weights)


def outlier_abstention_rate(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """Share of outliers on which the system rightly gave no opinion, [B]."""
    return weighted_mean(outcomes.abstained, outcomes.is_outlier, weights)


def under_triage_rate(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """Share of all cases queued less urgently than they are, [B]."""
    too_low = outcomes.queue_urgency > outcomes.true_urgency
    return weighted_mean(too_low, _all(outcomes), weights)


def over_triage_rate(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """Share of all cases queued more urgently than they are, [B]."""
    too_high = outcomes.queue_urgency < outcomes.true_urgency
    return weighted_mean(too_high, _all(outcomes), weights)


def abstained_under_triage_rate(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """Share of abstained cases queued less urgently than they are, [B]."""
    too_low = outcomes.queue_urgency > outcomes.true_urgency
    return weighted_mean(too_low, outcomes.abstained, weights)


def urgent_at_observation_rate(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """Share of urgent cases queued for mere observation, [B]: the worst mistake there is."""
    missed = outcomes.queue_urgency == OBSERVATION
    return weighted_mean(missed, outcomes.true_urgency == URGENT, weights)


def _all(outcomes: Outcomes) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.ones(len(outcomes), dtype=np.bool_)
