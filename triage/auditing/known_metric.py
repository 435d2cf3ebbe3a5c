"""Metrics that a plan may name, and which side of each is the good one."""

from __future__ import annotations

from dataclasses import dataclass

from triage.errors import unknown_name
from triage.evaluation.metrics import METRICS

_AUDIT_ONLY: dict[str, tuple[bool | None, str]] = {
    "sensitivity_urgent": (True, "proportion"),
    "specificity_urgent": (True, "proportion"),
    "auroc_urgent": (True, "area"),
    "calibration_slope": (None, "slope"),
    "calibration_intercept": (None, "logit"),
}
"""Metrics of audits beyond `triage.evaluation.metrics`: good side and unit."""

_SHARES = ("proportion", "area")
"""Units of values between 0 and 1."""


@dataclass(frozen=True)
class KnownMetric:
    """What a plan has to know of a metric.

    Parameters
    ----------
    key : str
    larger_is_better : bool or None
        None where neither side is.
    is_share : bool
        Whether its values lie between 0 and 1.
    """

    key: str
    larger_is_better: bool | None
    is_share: bool


def known_metrics() -> list[str]:
    """Return the keys of all metrics, in the order of tables."""
    return [*METRICS, *_AUDIT_ONLY]


def known_metric(key: str) -> KnownMetric:
    """Return a metric by its key.

    Raises
    ------
    UnknownName
        If there is no such metric; the message has the nearest.
    """
    if key in METRICS:
        metric = METRICS[key]
        return KnownMetric(key, metric.larger_is_better, metric.unit in _SHARES)
    if key in _AUDIT_ONLY:
        larger_is_better, unit = _AUDIT_ONLY[key]
        return KnownMetric(key, larger_is_better, unit in _SHARES)
    raise unknown_name("metric", key, known_metrics())
