"""Which metrics and limits of a plan can be measured on a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from triage.auditing.audit_plan import AuditPlan, Limit
from triage.auditing.audit_table import AuditTable
from triage.auditing.default_limits import DEFAULT_LIMITS
from triage.auditing.engine.user_metrics import UserMetric
from triage.auditing.metric_columns import METRIC_COLUMNS, columns_of, measurable
from triage.errors import UsageError
from triage.evaluation.metrics.audit_registry import AUDIT_METRICS, metric_key
from triage.evaluation.metrics.metric import Metric


@dataclass(frozen=True)
class PlannedMetrics:
    """What is measured and judged.

    Parameters
    ----------
    metrics : tuple of Metric
    user_metrics : tuple of UserMetric
    plan : AuditPlan
        With the limits and margins of metrics that are measured, by their keys.
    deviations : tuple of str
        What of the plan is not done, and why.
    """

    metrics: tuple[Metric, ...]
    user_metrics: tuple[UserMetric, ...]
    plan: AuditPlan
    deviations: tuple[str, ...]


def planned_metrics(
    table: AuditTable, plan: AuditPlan, own: Sequence[UserMetric] = ()
) -> PlannedMetrics:
    """Return the metrics of a plan that a table has the columns of.

    Raises
    ------
    UsageError
        If there is no metric of a name, or a limit is on the wrong side.
    """
    own_keys = [each.key for each in own]
    asked = [_key(name, own_keys) for name in plan.metrics]
    limits = [
        _checked(limit.model_copy(update={"metric": _key(limit.metric, own_keys)}))
        for limit in plan.limits
    ]
    margins = [
        margin.model_copy(update={"metric": _key(margin.metric, own_keys)})
        for margin in plan.margins
    ]
    given = columns_of(table)
    can = [*measurable(given), *own_keys]
    wanted = {*asked, *(one.metric for one in limits), *(one.metric for one in margins)}
    chosen = [key for key in can if not asked or key in wanted]
    absent = [key for key in AUDIT_METRICS if key in wanted and key not in can]
    deviations = [
        f"{AUDIT_METRICS[key].title} ({key}) was not measured: there is no column for "
        f"{', '.join(sorted(METRIC_COLUMNS[key] - given))}"
        for key in absent
    ]
    if not plan.limits:
        limits = [limit for limit in DEFAULT_LIMITS if limit.metric in chosen]
        deviations.append("the plan states no limits: judged by our default ones")
    kept = {
        "limits": tuple(each for each in limits if each.metric in chosen),
        "margins": tuple(each for each in margins if each.metric in chosen),
    }
    return PlannedMetrics(
        tuple(AUDIT_METRICS[key] for key in chosen if key in AUDIT_METRICS),
        tuple(each for each in own if each.key in chosen),
        plan.model_copy(update=kept),
        tuple(deviations),
    )


def _key(name: str, own: Sequence[str]) -> str:
    return name if name in own else metric_key(name)


def _checked(limit: Limit) -> Limit:
    metric = AUDIT_METRICS.get(limit.metric)
    better = None if metric is None else metric.larger_is_better
    if better is not None and better != (limit.at_least is not None):
        side = "at_least" if better else "at_most"
        raise UsageError(f"{limit.metric} takes {side}", where="limits", hint=f"Write {side}.")
    return limit
