"""Every long run, one after another: `python -m tests.soak`; one: `python -m tests.soak NAME`."""

from __future__ import annotations

import sys
from collections.abc import Callable

from tests.soak import (
    audit_intervals,
    cusum_simulation,
    drift_error,
    gate_simulation,
    hold_out,
    intake,
    label_errors,
    label_feedback,
    monitoring_false_alarms,
    monitoring_kills,
    readers,
    retrain_kills,
    review_steps,
)

RUNS: dict[str, Callable[[], None]] = {
    "intake": intake.main,
    "review_steps": review_steps.main,
    "readers": readers.main,
    "audit_intervals": audit_intervals.main,
    "cusum_simulation": cusum_simulation.main,
    "gate_simulation": gate_simulation.main,
    "retrain_kills": retrain_kills.main,
    "hold_out": hold_out.main,
    "label_feedback": label_feedback.main,
    "label_errors": label_errors.main,
    "monitoring_kills": monitoring_kills.main,
    "monitoring_false_alarms": monitoring_false_alarms.main,
    "drift_error": drift_error.main,
}

if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in RUNS:
        name = sys.argv.pop(1)  # what is left are the options of the run
        RUNS[name]()
    else:
        for run in RUNS.values():
            run()
