"""Plans of audits as YAML files: read with every problem listed, and written to be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from triage.auditing.audit_plan import AuditPlan, Axis
from triage.auditing.measurement import OVERALL
from triage.auditing.plan_limits import limit_problem
from triage.data.strict_yaml import load_model
from triage.errors import SpecError, UsageError, unknown_name
from triage.evaluation.metrics.audit_registry import metric_key

_HEADER = """\
# Plan of an audit: what is measured and which limits hold, stated before the data are read.
# Change it before it is registered; a later change is a deviation that the report lists.
#   columns     which column of the table holds what
#   conditions  names, and the clinical meaning that the audit goes by
#   axes        subgroups; "unknown" is always a level of its own
#   limits      at_least or at_most; scope: everywhere, overall or groups
#   margins     largest tolerated difference between the levels of an axis
# Run it with: triage audit run PLAN.yaml --predictions FILE --out FOLDER
"""


def load_plan(path: Path) -> AuditPlan:
    """Read and check the plan of an audit.

    Raises
    ------
    SpecError
        If the file is missing, is not YAML, or breaks a rule; every problem is listed.
    """
    plan = load_model(path, AuditPlan, "audit plan")
    if problems := plan_problems(plan):
        raise SpecError("the audit plan is not valid", where=str(path), problems=tuple(problems))
    return plan


def plan_text(plan: AuditPlan) -> str:
    """Return a plan as commented YAML that `load_plan` reads as the same plan."""
    content = _written(plan.model_dump(mode="json", exclude_none=True))
    return _HEADER + yaml.safe_dump(
        content, sort_keys=False, allow_unicode=True, default_flow_style=None, width=96
    )


def _written(value: Any) -> Any:
    """The content without empty parts, so that what is read is what was decided."""
    if isinstance(value, dict):
        kept = {name: _written(each) for name, each in value.items()}
        return {
            name: each
            for name, each in kept.items()
            if each not in ({}, [], "") or name == "thresholds"  # whose default is not empty
        }
    return [_written(each) for each in value] if isinstance(value, list) else value


def plan_problems(plan: AuditPlan) -> list[str]:
    """Return what is wrong between the parts of a plan, each with its place."""
    return [*_of_conditions(plan), *_of_axes(plan), *_of_judgements(plan)]


def _of_conditions(plan: AuditPlan) -> Iterator[str]:
    names = [one.name for one in plan.conditions]
    yield from (f"conditions: {name!r} is named twice" for name in _doubled(names))
    known = {one.name for one in plan.conditions if one.known}
    given = plan.columns.probabilities
    classes = known if given is None else {*given}
    for name in sorted(classes.intersection(plan.outliers)):
        yield f"outliers: {name!r} is a condition that the system knows"
    if given is not None:
        if len(given) < 2:
            yield "columns.probabilities: there are fewer than two conditions"
        for name in _doubled(given.values()):
            yield f"columns.probabilities: the column {name!r} is named twice"
        if names:
            for name in given:
                if name not in names:
                    yield str(unknown_name("condition", name, names, where="columns.probabilities"))
    if plan.costs is not None:
        for name in sorted({*names, *classes} - {*plan.costs.conditions}):
            yield f"costs: there are no costs of {name!r}"
        if plan.largest_cost is not None and plan.largest_cost < plan.costs.largest:
            yield f"largest_cost: is less than the largest cost, {plan.costs.largest:g}"


def _of_axes(plan: AuditPlan) -> Iterator[str]:
    by_name = {axis.name: axis for axis in plan.axes}
    yield from (f"axes: {name!r} is named twice" for name in _doubled(a.name for a in plan.axes))
    for axis in plan.axes:
        if axis.name == OVERALL:
            yield f"axes: an axis cannot be named {OVERALL!r}, which is what all cases are called"
        yield from _of_intersection(axis, by_name)
        if axis.bands is not None and axis.column is None:
            yield f"axes.{axis.name}: bands need a column of numbers"
        if axis.property in ("risk", "urgency", "frequency") and not any(
            getattr(one, axis.property) is not None for one in plan.conditions
        ):
            yield f"axes.{axis.name}: no condition of the plan states its {axis.property}"


def _of_intersection(axis: Axis, by_name: dict[str, Axis]) -> Iterator[str]:
    if axis.of is None:
        return
    if axis.of[0] == axis.of[1]:
        yield f"axes.{axis.name}: an axis is crossed with itself"
    for name in axis.of:
        if name not in by_name:
            yield str(unknown_name("axis", name, by_name, where=f"axes.{axis.name}"))
        elif by_name[name].of is not None:
            yield f"axes.{axis.name}: {name!r} is itself an intersection"


def _of_judgements(plan: AuditPlan) -> Iterator[str]:
    own = plan.metrics_file is not None
    for limit in plan.limits:
        if problem := limit_problem(limit, own_metrics=own):
            yield f"limits: {problem}"
    seen = Counter((one.metric, one.scope) for one in plan.limits)
    for (metric, _), count in seen.items():
        if count > 1:
            yield f"limits: {metric} has several limits of one scope"
    axes = [axis.name for axis in plan.axes]
    for margin in plan.margins:
        if margin.axis not in axes:
            yield str(unknown_name("axis", margin.axis, axes, where="margins"))
    if plan.intervals.strata is not None and plan.intervals.strata not in axes:
        yield str(unknown_name("axis", plan.intervals.strata, axes, where="intervals.strata"))
    if not own:
        for metric in (*plan.metrics, *(margin.metric for margin in plan.margins)):
            try:
                metric_key(metric)
            except UsageError as error:
                yield f"metrics: {error}"


def _doubled(names: Iterable[str]) -> list[str]:
    return sorted(name for name, count in Counter(names).items() if count > 1)
