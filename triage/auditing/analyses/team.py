"""What the system's opinion changed: first read, system, and final decision of people.

A system that is equally good for all groups can still widen the gap between them in the decisions
of those who see it, so the change from first to final read is measured by level.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from triage.auditing.analyses.case_flags import named_right
from triage.auditing.analyses.group_sums import (
    BoolArray,
    FloatArray,
    GroupSums,
    every_axis,
    group_sums,
)
from triage.auditing.analyses.numbers import (
    Name,
    mean_number,
    measured_difference,
    measured_ratio,
    missing_columns,
    named_number,
    share_number,
    unavailable,
)
from triage.auditing.analyses.under_call import under_call_numbers
from triage.auditing.audit_plan import AuditPlan, IntervalSettings
from triage.auditing.audit_table import AuditTable
from triage.auditing.intervals.paired import paired_proportions
from triage.auditing.measurement import ALL, Analysis, NamedNumber
from triage.evaluation.metrics.weighted import ratio

KEY, TITLE = "team", "First read, system, and final decision"
_READ, _FIRST, _FINAL, _HELPED, _HARMED, _WRONG, _CHANGE, _OPINION, _SYSTEM = range(9)


def team(table: AuditTable, plan: AuditPlan) -> Analysis:
    """Compare first reads and final decisions on the same cases.

    Returns
    -------
    Analysis
        By level: `first_accuracy`, `final_accuracy`, `system_accuracy` (where it gave an opinion),
        `helpful_switches` of wrong first reads, `harmful_switches` of right ones,
        `accuracy_change` with its p-value where no two cases are of one patient, the under-call
        numbers of `under_call_numbers`; by axis `gap_first`, `gap_final`, `gap_change`.
    """
    reason = missing_columns({"first read": table.first_right, "final decision": table.final_right})
    if reason:
        return unavailable(KEY, TITLE, reason)
    assert table.first_right is not None
    assert table.final_right is not None
    where = (table.first_right >= 0) & (table.final_right >= 0) & table.labelled
    if not where.any():
        return unavailable(KEY, TITLE, "no labelled case has a first read and a final decision")
    values = _values(table, where)
    numbers: list[NamedNumber] = []
    for axis, levels in every_axis(table):
        sums = group_sums(table, levels, values, where)
        for place, level in enumerate(levels.levels):
            if sums.totals[place, _READ]:
                numbers += _level((axis, level), sums, place, plan.intervals)
        if axis in table.axes:
            numbers += _gap(axis, sums, plan.intervals)
    numbers += under_call_numbers(table, plan.intervals)
    notes = [
        "A helpful switch is a wrong first read and a right final decision, a harmful one the "
        "reverse. The change counts on each case before cases are averaged.",
        "The gap is the range of accuracy over levels with enough patients; a positive change is "
        "a gap that is wider in the final decisions than in the first reads.",
    ]
    return Analysis(key=KEY, title=TITLE, available=True, numbers=numbers, notes=notes)


def _values(table: AuditTable, where: BoolArray) -> list[FloatArray | BoolArray]:
    assert table.first_right is not None
    assert table.final_right is not None
    first, final = table.first_right == 1, table.final_right == 1
    opinion = np.zeros(len(table), dtype=np.bool_)
    right = opinion
    if table.predicted is not None:
        opinion = table.predicted >= 0
        opinion = opinion if table.abstained is None else opinion & ~table.abstained
        right = named_right(table) & opinion
    change = final.astype(np.float64) - first
    return [where, first, final, final & ~first, first & ~final, ~first, change, opinion, right]


def _level(
    scope: tuple[str, str], sums: GroupSums, place: int, settings: IntervalSettings
) -> list[NamedNumber]:
    rows = [
        ("first_accuracy", "first reads that are right", _FIRST, _READ),
        ("final_accuracy", "final decisions that are right", _FINAL, _READ),
        ("helpful_switches", "wrong first reads put right", _HELPED, _WRONG),
        ("harmful_switches", "right first reads made wrong", _HARMED, _FIRST),
    ]
    if sums.totals[place, _OPINION]:
        title = "system right, of the same cases where it gave an opinion"
        rows.append(("system_accuracy", title, _SYSTEM, _OPINION))
    found = [
        share_number(Name(key, title, *scope), sums, (place, top, bottom), settings)
        for key, title, top, bottom in rows
    ]
    title = "accuracy of final decisions less that of first reads"
    name = Name("accuracy_change", title, *scope)
    change = mean_number(
        name, sums, place, sums.unit(_CHANGE), sums.unit(_READ), settings, (-1.0, 1.0)
    )
    found.append(change)
    if sums.largest[place, _READ] <= 1:
        helped, harmed = (int(sums.totals[place, each]) for each in (_HELPED, _HARMED))
        found.append(
            NamedNumber(
                key="accuracy_change_p",
                title="p-value of the change",
                axis=scope[0],
                level=scope[1],
                unit="p-value",
                value=paired_proportions(helped, harmed),
                n=change.n,
                n_patients=change.n_patients,
                note="exact McNemar test",
            )
        )
    return found


def _gap(axis: str, sums: GroupSums, settings: IntervalSettings) -> list[NamedNumber]:
    """Gap between the best and the worst level, first and final, and its change."""
    counted = np.flatnonzero(sums.patients[:, _READ] >= settings.min_patients)
    if len(counted) < 2:
        return []
    replicates = sums.replicates(settings)
    drawn = None if replicates is None else _gaps(replicates[:, counted])
    found = []
    for number, (key, title, column) in enumerate(
        (
            ("gap_first", "gap between levels, first reads", _FIRST),
            ("gap_final", "gap between levels, final decisions", _FINAL),
        )
    ):
        shares = sums.totals[counted, column] / sums.totals[counted, _READ]
        best, worst = (counted[place] for place in (shares.argmax(), shares.argmin()))
        name = Name(key, title, axis, ALL)
        parts = [
            measured_ratio(name, sums, place, sums.unit(column), sums.unit(_READ))
            for place in (best, worst)
        ]
        gap = measured_difference(name, *parts)
        found.append(gap if drawn is None else replace(gap, replicates=drawn[:, number]))
    name = Name("gap_change", "change of the gap", axis, ALL)
    first, final = found
    found.append(measured_difference(name, final, first))
    return [named_number(Name(each.key, each.title, axis, ALL), each, settings) for each in found]


def _gaps(totals: FloatArray) -> FloatArray:
    """Gap of first reads and of final decisions, [B, 2]; of totals [B, L, 9]."""
    accuracy = ratio(totals[..., [_FIRST, _FINAL]], totals[..., [_READ, _READ]])
    gaps: FloatArray = accuracy.max(axis=-2) - accuracy.min(axis=-2)
    return gaps
