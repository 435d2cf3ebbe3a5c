"""False alarms of whole runs of monitoring, over databases in which nothing changes.

    python -m tests.soak monitoring_false_alarms [REPEATS [SEED]]

Each database has two sites, stored vectors and readers' decisions. A plan is made of a baseline of
40 days with the defaults of `triage monitor plan`, and the run watches the 90 days after it: every
chart of rates, of drift and of embeddings, of all cases and of each site. Counted are the charts
with an alarm, and the databases with one. The bound is that of the budget: each chart has an alarm
with at most the probability that the plan states, so that the mean number of charts with an alarm
is at most their number times it.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from tests.monitoring.stream_maker import (
    BEGIN,
    DayOfCases,
    add_days,
    add_decisions,
    make_bundle,
)
from triage.monitoring.make_plan import PlanRequest, make_plan
from triage.monitoring.plan_file import write_monitoring_plan
from triage.monitoring.run_monitoring import run_monitoring
from triage.store import open_store
from triage.vocabulary.monitoring import ChartVerdict

DAYS = 90


@dataclass(frozen=True)
class FalseAlarms:
    """What the charts of several databases raised.

    Parameters
    ----------
    n_charts : list of int
        Charts with a budget that judged something, of each database.
    expected : list of float
        Largest mean number of charts with an alarm, by their budgets.
    alarms : list of int
        Charts with an alarm.
    kinds : Counter of str
        Of these charts.
    """

    n_charts: list[int]
    expected: list[float]
    alarms: list[int]
    kinds: Counter[str]


def false_alarms(
    repeats: int, seed: int = 0, *, per_day: int = 40, baseline: int = 40
) -> FalseAlarms:
    """Run monitoring over databases in control."""
    found = FalseAlarms([], [], [], Counter())
    for repeat in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            _one(Path(folder), seed + 1000 * repeat, per_day, baseline, found)
    return found


def _one(folder: Path, seed: int, per_day: int, baseline: int, found: FalseAlarms) -> None:
    store = open_store(f"sqlite:///{folder / 'cases.db'}", create=True)
    bundle, days = make_bundle(store), range(baseline + DAYS + 1)
    sites = [
        DayOfCases(days, per_day, ood=0.02, site="north"),
        DayOfCases(days, per_day // 2, ood=0.02, site="south"),
    ]
    numbers = add_days(store, bundle, sites, seed=seed, vectors=8)
    add_decisions(store, numbers, overridden=0.1, seed=seed + 1)
    end = BEGIN + timedelta(days=baseline)
    with store.reading() as session:
        made = make_plan(session, PlanRequest(begin=BEGIN, end=end, columns=("age",)))
    write_monitoring_plan(made.plan, folder / "plan.yaml")
    result = run_monitoring(store, folder / "out", plan=folder / "plan.yaml").result
    store.close()
    judged = [
        one
        for one in result.charts
        if one.verdict in (ChartVerdict.ALARM, ChartVerdict.IN_CONTROL)
        and one.false_alarm is not None
    ]
    raised = [one for one in judged if one.verdict is ChartVerdict.ALARM]
    found.n_charts.append(len(judged))
    found.expected.append(sum(float(one.false_alarm or 0) for one in judged))
    found.alarms.append(len(raised))
    found.kinds.update(f"{one.chart.value} {one.key}".strip() for one in raised)


def main() -> None:
    """Run it, with the options of the command line."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    found = false_alarms(repeats, int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    alarms, bound = float(np.mean(found.alarms)), float(np.mean(found.expected))
    error = float(np.std(found.alarms) / np.sqrt(max(repeats, 1)))
    print(
        f"{repeats} databases of {DAYS} days, {np.mean(found.n_charts):.1f} charts each: "
        f"{alarms:.2f} charts with a false alarm (standard error {error:.2f}), by the budgets at "
        f"most {bound:.2f}; {np.mean(np.array(found.alarms) > 0):.1%} of the databases have one"
    )
    for kind, times in found.kinds.most_common():
        print(f"  {kind}: {times}")
    assert alarms <= bound + 3 * max(error, np.sqrt(bound / max(repeats, 1))), "over the budget"


if __name__ == "__main__":
    main()
