"""Every long run, one after another: `python -m tests.soak`."""

from __future__ import annotations

from tests.soak import audit_intervals, gate_simulation, intake, readers, review_steps

if __name__ == "__main__":
    intake.main()
    review_steps.main()
    readers.main()
    audit_intervals.main()
    gate_simulation.main([])
