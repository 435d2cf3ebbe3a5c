"""The streams of the charts of rates: what counts of each visit and of each decision."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from triage.monitoring.case_stream import Arrivals
from triage.monitoring.independent_visits import visits_of
from triage.monitoring.monitored_levels import levels_of
from triage.monitoring.monitoring_plan import FALL, MonitoringPlan, OodRule
from triage.monitoring.rate_charts import RateStream
from triage.monitoring.review_stream import Decisions
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.monitoring import ChartKind

Bools = NDArray[np.bool_]


def is_ood(arrivals: Arrivals, rule: OodRule) -> Bools:
    """Return which cases count as out of distribution, [N]."""
    counted = np.array([reason in rule.reasons for reason in (None, *AbstainReason)])
    found = counted[arrivals.reason]
    if rule.score_threshold is not None:
        found = found | (arrivals.ood_score >= rule.score_threshold)  # NaN is below every score
    return np.asarray(found)


def visit_streams(
    plan: MonitoringPlan, arrivals: Arrivals, chart: ChartKind
) -> Iterator[RateStream]:
    """Yield the streams of a chart of visits: all cases, each level, and of all cases each reason.

    Then comes the fall of the rate of all cases. Reasons of abstention and falls are not split by
    level: most of them are rare, and every chart adds to the false alarms.

    Parameters
    ----------
    plan : MonitoringPlan
    arrivals : Arrivals
    chart : ChartKind
        `OOD_RATE` or `ABSTENTION_RATE`.
    """
    visits = visits_of(arrivals)
    last = arrivals.at(visits.last)
    of_ood = chart is ChartKind.OOD_RATE
    said = visits.any(is_ood(arrivals, plan.ood) if of_ood else arrivals.abstained)
    for level in levels_of(plan, arrivals):
        held = level.mask(last)
        yield RateStream(
            (chart, "", level.axis, level.name), last.case[held], last.time[held], said[held]
        )
    yield RateStream((chart, FALL, "", ""), last.case, last.time, said)
    if of_ood:
        return
    for place, reason in enumerate(AbstainReason, start=1):
        flags = visits.any(np.asarray(arrivals.reason == place))
        yield RateStream((chart, str(reason), "", ""), last.case, last.time, flags)


def decision_streams(
    plan: MonitoringPlan, decisions: Decisions, arrivals: Arrivals, start: int
) -> Iterator[RateStream]:
    """Yield the streams of overrides: of decisions with an opinion shown, all and of each level.

    Parameters
    ----------
    plan : MonitoringPlan
    decisions : Decisions
    arrivals : Arrivals
        The cases that are watched; decisions on others do not count.
    start : int
        Decisions before it do not count, in microseconds since 1970.
    """
    counted = decisions.advised & (decisions.time >= start)
    for level in levels_of(plan, arrivals):
        held = counted & level.of_cases(arrivals, decisions.case)
        yield RateStream(
            (ChartKind.OVERRIDE_RATE, "", level.axis, level.name),
            decisions.case[held],
            decisions.time[held],
            decisions.overridden[held],
        )
