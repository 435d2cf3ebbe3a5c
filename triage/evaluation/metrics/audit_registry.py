"""Registry of the metrics of audits: those of evaluations, and those of wider tables.

What an evaluation of a test split does not have, such as first reads of people, an audited table
may have.
"""

from __future__ import annotations

from triage.errors import unknown_name
from triage.evaluation.metrics import clinical, ranking, recalibration, team
from triage.evaluation.metrics.metric import Interval, Metric, Need
from triage.evaluation.metrics.metric import mean_metric as _mean
from triage.evaluation.metrics.metric import sum_metric as _of_sums
from triage.evaluation.metrics.registry import METRICS

_CUTS = (("urgent", "urgent"), ("semi_urgent", "semi-urgent"), ("routine", "routine"))
_OURS = "our definition"


def _at_cut(cut: int, key: str, name: str) -> tuple[Metric, Metric]:
    return (
        _mean(
            f"sensitivity_{key}", f"Sensitivity: {name}", "proportion", True, (Need.ALL,),
            f"Share of cases that are at least {name} which are queued at least {name}.",
            "standard", clinical.sensitivity_at(cut),
        ),
        _mean(
            f"specificity_{key}", f"Specificity: {name}", "proportion", True, (Need.ALL,),
            f"Share of cases that are less than {name} which are queued less than {name}.",
            "standard", clinical.specificity_at(cut),
        ),
    )  # fmt: skip


_URGENCY = tuple(
    metric for cut, (key, name) in enumerate(_CUTS) for metric in _at_cut(cut, key, name)
)

_SCORES = (
    _of_sums(
        "auroc_urgent", "AUROC: urgent", "area", True, (Need.URGENT, Need.LESS_URGENT),
        Interval.KORN_GRAUBARD,
        "Probability that an urgent case has a larger probability of urgent than a case that is "
        "not; ties count one half.",
        "Hanley & McNeil 1982", ranking.AUROC_URGENT,
    ),
    _of_sums(
        "calibration_slope", "Calibration slope", "slope", None, (Need.INLIERS,),
        Interval.PERCENTILE,
        "Slope of the logistic regression of being right on the logit of top-1 confidence, on "
        "inliers; 1 is perfect, less is overconfident.",
        "Cox 1958", recalibration.CALIBRATION_SLOPE,
    ),
    _of_sums(
        "calibration_intercept", "Calibration intercept", "log odds", None, (Need.INLIERS,),
        Interval.PERCENTILE,
        "Intercept of the same regression; 0 is perfect.",
        "Cox 1958", recalibration.CALIBRATION_INTERCEPT,
    ),
)  # fmt: skip

_TEAM = (
    _mean(
        "first_read_accuracy", "First read: accuracy", "proportion", True, (Need.ALL,),
        "Share of first reads, before the opinion was shown, that name the true condition.",
        _OURS, team.first_read_accuracy,
    ),
    _mean(
        "final_accuracy", "Final decision: accuracy", "proportion", True, (Need.ALL,),
        "Share of final decisions that name the true condition.",
        _OURS, team.final_accuracy,
    ),
    _mean(
        "team_gain", "Gain from first read to decision", "difference", True, (Need.ALL,),
        "Accuracy of final decisions less that of first reads, of cases with both.",
        _OURS, team.team_gain,
    ),
    _mean(
        "helpful_switch_rate", "Helpful switches", "proportion", True, (Need.ALL,),
        "Share of wrong first reads that became right after the output was shown.",
        _OURS, team.helpful_switches,
    ),
    _mean(
        "harmful_switch_rate", "Harmful switches", "proportion", False, (Need.ALL,),
        "Share of right first reads that became wrong after the output was shown.",
        _OURS, team.harmful_switches,
    ),
    _mean(
        "final_sensitivity_urgent", "Final decision: sensitivity to urgent", "proportion", True,
        (Need.ALL,),
        "Share of urgent cases whose final decision is urgent.",
        _OURS, team.final_sensitivity_urgent,
    ),
    _mean(
        "abstention_under_call_rate", "Under-calls after an abstention", "proportion", False,
        (Need.ALL,),
        "Share of urgent and semi-urgent cases shown without an opinion whose final decision is "
        "less urgent than they are.",
        _OURS, team.abstention_under_calls,
    ),
    _mean(
        "mean_seconds", "Mean time of a read", "seconds", None, (Need.ALL,),
        "Mean time of the person on a case.",
        _OURS, team.seconds,
    ),
)  # fmt: skip

AUDIT_METRICS: dict[str, Metric] = METRICS | {
    metric.key: metric for metric in (*_URGENCY, *_SCORES, *_TEAM)
}
"""Every metric of audits by its key, in the order of report tables."""

ALIASES = {
    "log_loss": "nll",
    "mean_cost": "clinical_cost",
    "sensitivity": "sensitivity_urgent",
    "specificity": "specificity_urgent",
    "auroc": "auroc_urgent",
    "fpr95": "ood_fpr95",
    "under_triage": "under_triage_rate",
    "over_triage": "over_triage_rate",
    "abstention": "abstention_rate",
}
"""Other names that plans may use."""


def metric_key(name: str) -> str:
    """Return the key of a metric from its key or another name of it.

    Raises
    ------
    UsageError
        If there is no such metric; the message has the nearest.
    """
    key = ALIASES.get(name, name)
    if key not in AUDIT_METRICS:
        raise unknown_name("metric", name, [*AUDIT_METRICS, *ALIASES])
    return key
