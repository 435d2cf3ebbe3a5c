"""What holds of all charts of a run, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from triage.monitoring.alarm_budget import expected_alarms_a_month
from triage.monitoring.build_charts import Monitored
from triage.monitoring.case_stream import DAY
from triage.monitoring.monitored_levels import left_out
from triage.monitoring.monitoring_result import ChartSeries
from triage.monitoring.planned_bundle import Planned


def run_notes(
    going_by: Planned, given: Monitored, charts: Sequence[ChartSeries]
) -> tuple[str, ...]:
    """Return notes on the stream, the plan and the number of false alarms.

    Parameters
    ----------
    going_by : Planned
    given : Monitored
    charts : sequence of ChartSeries
    """
    plan = going_by.plan
    notes = [going_by.note] if going_by.note else []
    if not len(given.watched):
        notes.append("no case has come since the start of the plan")
    notes += _gaps(given, plan.gap_days, plan.after_gap == "restart")
    if given.every.n_late:
        notes.append(
            f"{given.every.n_late} cases came, or were read anew, after a run had read later ones; "
            "they count at the end of that run"
        )
    if given.every.n_ahead:
        notes.append(
            f"{given.every.n_ahead} cases say that they were received more than a day after they "
            "were scored, so a clock is wrong; they count when they were scored"
        )
    notes += left_out(plan, given.watched)
    budgets = [one.false_alarm for one in charts if one.false_alarm is not None]
    if budgets:
        a_month = sum(
            expected_alarms_a_month(1, one, horizon_days=plan.horizon_days) for one in budgets
        )
        notes.append(
            f"{len(budgets)} charts have a budget of false alarms; without any change they raise "
            f"at most about {a_month:.1f} a month together"
        )
    return tuple(notes)


def _gaps(given: Monitored, gap_days: float, restarts: bool) -> list[str]:
    time = given.watched.time
    waited = np.diff(time) / DAY
    long = waited > gap_days
    found = []
    if long.any():
        what = "begin at 0 after each" if restarts else "go on where they were"
        found.append(
            f"{int(long.sum())} gaps of more than {gap_days:g} days without a case, the longest of "
            f"{waited.max():.1f} days; the sums {what}"
        )
    return found
