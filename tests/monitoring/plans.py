"""Plans of monitoring for tests."""

from __future__ import annotations

from typing import Any

from tests.monitoring.stream_maker import DIGEST
from triage.monitoring.monitoring_plan import DriftPlan, MonitoringPlan, StreamRate
from triage.vocabulary.monitoring import ChartKind

OOD = ChartKind.OOD_RATE


def rate(chart: ChartKind = OOD, p0: float = 0.01, p1: float = 0.05, **more: Any) -> StreamRate:
    return StreamRate(chart=chart, p0=p0, p1=p1, per_day=50, **more)


def plan(**changes: Any) -> MonitoringPlan:
    """A plan of one chart, the OOD rate from 1 to 5 %, without a baseline in the database."""
    given: dict[str, Any] = {
        "bundle": DIGEST,
        "charts": (OOD,),
        "rates": (rate(),),
        "axes": (),
        "drift": DriftPlan(columns=()),
        "horizon_days": 30,
    }
    return MonitoringPlan(**{**given, **changes})
