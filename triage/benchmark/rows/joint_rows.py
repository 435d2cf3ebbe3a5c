"""Joint log-likelihood of small batches of labels, beside that of the labels one by one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from triage.benchmark.draw_record import TEST, DrawRecord
from triage.benchmark.resampling import CrossedResamples
from triage.benchmark.results import Number
from triage.benchmark.rows.metric_numbers import support
from triage.uncertainty.joint_predictive import (
    KAPPA,
    batch_weights,
    dyadic_batches,
    joint_log_likelihood,
    marginal_log_likelihood,
    resampled_mean,
)

JOINT, MARGINAL, GAIN = "joint", "marginal", "gain"


def joint_numbers(
    draws: Sequence[DrawRecord], head: str, resamples: CrossedResamples
) -> dict[str, Number]:
    """Measure the members of an ensemble on test inliers, as they are, without calibration.

    A batch counts in a resample as often as all its anchors together: the product of how often
    their clusters were drawn.

    Returns
    -------
    dict of Number
        Nats a label: `joint`, `marginal`, and `gain`, the first minus the second. Empty where a
        draw has no record of its members, or too few inliers for a batch.
    """
    values: dict[str, list[np.ndarray]] = {JOINT: [], MARGINAL: [], GAIN: []}
    tested = []
    for draw in draws:
        own = draw.heads[head].own
        if own is None or len(own) < KAPPA:
            return {}
        known = draw.truth[TEST] >= 0
        codes = draw.clusters[TEST][known]
        tested.append((codes, [np.ones(len(codes), dtype=np.bool_)]))
        batches = dyadic_batches(len(own), seed=draw.seed)
        joint = joint_log_likelihood(own, batches)
        marginal = marginal_log_likelihood(own, batches)
        weights = batch_weights(resamples.weights(codes), batches)
        for name, given in ((JOINT, joint), (MARGINAL, marginal), (GAIN, joint - marginal)):
            values[name].append(resampled_mean(given, weights))
    counted = support(tested)._asdict()
    return {name: resamples.number(np.stack(found), **counted) for name, found in values.items()}


def n_members(draws: Sequence[DrawRecord], head: str) -> int | None:
    """Members of an ensemble; None where the records do not hold them."""
    own = draws[0].heads[head].own
    return None if own is None else own.shape[1]
