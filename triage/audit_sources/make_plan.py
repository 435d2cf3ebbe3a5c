"""Make the plan of an audit from a data spec or from the names of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from triage.audit_sources.table_columns import check_columns
from triage.audit_sources.table_file import TableFile, open_table
from triage.auditing.audit_plan import (
    AuditPlan,
    Axis,
    Columns,
    IntervalSettings,
    Limit,
    Period,
    PlannedCondition,
    SkinTone,
)
from triage.auditing.default_limits import DEFAULT_LIMITS, DEFAULT_SOURCE
from triage.auditing.metric_columns import Column, measurable
from triage.auditing.plan_file import plan_problems
from triage.data.spec import DataSpec
from triage.data.strict_yaml import problems_of
from triage.decisions.cost_matrix import cost_matrix, largest_cost
from triage.errors import SpecError, UsageError
from triage.hashing import hash_json
from triage.vocabulary.clinical import Urgency

STATED = "stated when the plan was made"
CROSSED = "*"
"""Between the names of two axes that are crossed."""
_SCALES: dict[str, Literal["fitzpatrick", "monk"]] = {
    "fitzpatrick": "fitzpatrick",
    "fst": "fitzpatrick",
    "skin_type": "fitzpatrick",
    "monk": "monk",
    "mst": "monk",
}


@dataclass(frozen=True)
class PlanRequest:
    """What somebody asks of a plan; what is not given is left to the defaults of `AuditPlan`.

    Parameters
    ----------
    created_at : datetime
        With a time zone; the date that reports carry.
    spec : DataSpec, optional
        Gives conditions, costs, prevalence and axes.
    columns : Columns
    groups : sequence of str
        Columns of subgroups; ``a*b`` crosses two of them, or one with risk or urgency of the
        condition where the conditions state them.
    bands : mapping of str to floats
        Edges of the bands of a group of numbers.
    urgencies : mapping of str to Urgency
        Of conditions, where there is no spec.
    source_of_limits : str, optional
        Who set the limits; needed where there are limits of their own.
    bundle : str, optional
        Digest of the audited system.
    """

    created_at: datetime
    title: str = ""
    spec: DataSpec | None = None
    columns: Columns = field(default_factory=Columns)
    groups: Sequence[str] = ()
    bands: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    urgencies: Mapping[str, Urgency] = field(default_factory=dict)
    outliers: Sequence[str] = ()
    limits: Sequence[Limit] = ()
    source_of_limits: str | None = None
    system: str = ""
    bundle: str | None = None
    period: Period | None = None
    cohorts: Sequence[str] = ()
    unlabelled: Literal["refuse", "exclude"] | None = None
    prevalence: float | None = None
    intervals: IntervalSettings = field(default_factory=IntervalSettings)


def make_plan(request: PlanRequest, predictions: Path | None = None) -> AuditPlan:
    """Return the plan that is asked for.

    Parameters
    ----------
    request : PlanRequest
    predictions : Path, optional
        A table that the plan is for. Only its header or schema is read, never a row.

    Raises
    ------
    UsageError
        If a column is absent, with the nearest name, or neither a spec nor columns are given.
    SpecError
        If the parts of the plan contradict each other; every problem is listed.
    """
    try:
        plan = _plan(request)
    except ValidationError as error:
        raise SpecError("the plan is not valid", problems=problems_of(error, AuditPlan)) from error
    if problems := plan_problems(plan):
        raise SpecError("the plan is not valid", problems=tuple(problems))
    if predictions is not None:
        with open_table(predictions) as table:
            check_columns(plan, table)
            plan = _with_bundle(plan, table)
    return plan


def _plan(request: PlanRequest) -> AuditPlan:
    spec = request.spec
    own = {} if spec is None else _of_spec(spec)
    axes = _axes(request)
    limits = tuple(request.limits) or _default_limits(request)
    stated = STATED if request.limits else DEFAULT_SOURCE
    if request.prevalence is not None:
        own["outlier_prevalence"] = request.prevalence
    title = request.title or f"Audit of {spec.title if spec else request.system or 'predictions'}"
    return AuditPlan(
        title=title,
        source=request.source_of_limits or stated,
        created_at=request.created_at,
        system=request.system,
        bundle=request.bundle,
        period=request.period,
        cohorts=tuple(request.cohorts),
        columns=request.columns,
        outliers=tuple(request.outliers),
        unlabelled=request.unlabelled or "refuse",
        axes=axes,
        limits=limits,
        intervals=request.intervals,
        **({"conditions": _conditions(request)} | own),
    )


def _of_spec(spec: DataSpec) -> dict[str, object]:
    return {
        "spec": spec.name,
        "spec_sha256": hash_json(spec.model_dump(mode="json")),
        "conditions": tuple(
            PlannedCondition(
                name=one.name, known=one.role == "inlier", urgency=one.urgency, risk=one.risk
            )
            for one in spec.conditions
        ),
        "costs": cost_matrix(spec),
        "largest_cost": largest_cost(spec),
        "outlier_prevalence": spec.outlier_prevalence,
    }


def _conditions(request: PlanRequest) -> tuple[PlannedCondition, ...]:
    """Conditions of a plan without a spec: named only where an urgency is stated."""
    if not request.urgencies:
        return ()
    known = [*(request.columns.probabilities or {})]
    names = dict.fromkeys([*known, *request.outliers, *request.urgencies])
    outside = {*request.outliers}
    return tuple(
        PlannedCondition(name=name, known=name not in outside, urgency=request.urgencies.get(name))
        for name in names
    )


def _axes(request: PlanRequest) -> tuple[Axis, ...]:
    spec = request.spec
    bands = dict(request.bands)
    named = list(request.groups)
    if spec is not None:
        bands = {one.column: one.bands for one in spec.subgroups if one.bands} | bands
        named = named or [one.column for one in spec.subgroups]
    pairs = [_crossed(name) for name in named if CROSSED in name]
    properties = {"urgency"} if request.urgencies else set()
    if spec is not None:
        properties = {"risk", "urgency"} - {one.column for one in spec.subgroups}
    single = [name for name in named if CROSSED not in name]
    parts = [*single, *(part for pair in pairs for part in pair)]
    columns = list(dict.fromkeys(part for part in parts if part not in properties))
    if unused := sorted({*request.bands} - {*columns}):
        raise UsageError(f"{unused[0]!r} is no group", where="--bands", hint="Name it in --groups.")
    axes = [
        Axis(name=one, column=one, bands=bands.get(one), skin_tone=_tone(one)) for one in columns
    ]
    axes += [Axis(name=f" {CROSSED} ".join(pair), of=pair) for pair in pairs]
    if spec is not None:
        axes += [_of_condition("risk", columns), _of_condition("urgency", columns)]
    elif request.urgencies:
        axes.append(_of_condition("urgency", columns))
    return tuple(axes)


def _crossed(name: str) -> tuple[str, str]:
    parts = [part.strip() for part in name.split(CROSSED)]
    if len(parts) != 2 or not all(parts):
        raise UsageError(f"{name!r} does not cross two groups", where="--groups", hint="Write a*b.")
    return parts[0], parts[1]


def _of_condition(kind: Literal["risk", "urgency"], taken: Sequence[str]) -> Axis:
    return Axis(name=f"{kind} of the condition" if kind in taken else kind, property=kind)


def _tone(column: str) -> SkinTone | None:
    """The scale that the name of a column states; its method is for people to state."""
    words = column.casefold().replace(" ", "_")
    for word, scale in _SCALES.items():
        if word in words if len(word) > 3 else word in words.split("_"):
            return SkinTone(scale=scale)
    return None


def _default_limits(request: PlanRequest) -> tuple[Limit, ...]:
    """Our default limits on the metrics whose columns are there."""
    columns = request.columns
    given = {Column.OUTLIERS, Column.TRUE_URGENCY}
    if request.spec is None:
        given = {Column.OUTLIERS} if request.outliers else set()
        if columns.true_urgency or request.urgencies:
            given.add(Column.TRUE_URGENCY)
    ours = request.spec is not None and columns.probabilities is None
    if ours or columns.recommendation or columns.abstained:
        given.add(Column.ABSTAINED)
    if ours or columns.recommendation or columns.queue_urgency:
        given.add(Column.QUEUE_URGENCY)
    if ours or columns.ood_score:
        given.add(Column.OOD_SCORE)
    keys = measurable(given | {Column.PREDICTED})  # every plan has probabilities or a name
    return tuple(one for one in DEFAULT_LIMITS if one.metric in keys)


def _with_bundle(plan: AuditPlan, table: TableFile) -> AuditPlan:
    """The plan of a table of ours names the bundle that made it."""
    if table.own is None or plan.bundle is not None:
        return plan
    bundle = (table.own.get("provenance") or {}).get("bundle")
    return plan.model_copy(update={"bundle": bundle}) if isinstance(bundle, str) else plan
