"""Plans of monitoring as YAML or JSON files."""

from __future__ import annotations

from pathlib import Path

import yaml

from triage.atomic_write import whole_file
from triage.data.strict_yaml import load_model
from triage.monitoring.monitoring_plan import MonitoringPlan

_HEADER = """\
# Plan of monitoring: what is watched of a bundle in use, and which rates are in control.
#   rates    p0 is the rate in control (of an estimate its upper limit), p1 what is to be found
#   axes     site is the source of the cases, every other a group of them
#   drift    windows and columns of the drift tests
# Store it and run it with: triage monitor run --plan PLAN.yaml --db URL --out FOLDER
"""


def load_monitoring_plan(path: str | Path) -> MonitoringPlan:
    """Read and check a plan; JSON is read, too, since it is YAML.

    Raises
    ------
    SpecError
        If the file is missing, is not YAML, or breaks a rule; every problem is listed.
    """
    return load_model(Path(path), MonitoringPlan, "monitoring plan")


def monitoring_plan_text(plan: MonitoringPlan) -> str:
    """Return a plan as commented YAML that `load_monitoring_plan` reads as the same plan."""
    content = plan.model_dump(mode="json", exclude_none=True)
    body = yaml.safe_dump(
        content, sort_keys=False, allow_unicode=True, default_flow_style=None, width=96
    )
    return _HEADER + body


def write_monitoring_plan(plan: MonitoringPlan, path: str | Path) -> None:
    """Write a plan, the whole file or nothing.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with whole_file(Path(path)) as partial:
        partial.write_text(monitoring_plan_text(plan), encoding="utf-8")
