"""Under-calls of people on cases where they saw that the system abstains, against blind reads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from triage.auditing.analyses.group_sums import (
    FloatArray,
    GroupSums,
    every_axis,
    group_sums,
)
from triage.auditing.analyses.numbers import (
    Name,
    measured_difference,
    measured_ratio,
    named_number,
    share_number,
)
from triage.auditing.audit_plan import IntervalSettings
from triage.auditing.audit_table import AuditTable
from triage.auditing.measurement import NamedNumber
from triage.vocabulary.clinical import Urgency

_SHOWN_MISSED, _SHOWN, _BLIND_MISSED, _BLIND = range(4)


def under_call_numbers(table: AuditTable, settings: IntervalSettings) -> list[NamedNumber]:
    """Return `under_call_abstained`, `under_call_blind`, their difference, and `mean_seconds`.

    An under-call is a final urgency below the true one; cases that are truly for observation
    cannot have one and are left out. Empty where the table lacks the columns.
    """
    return _under_calls(table, settings) + _seconds(table, settings)


def _under_calls(table: AuditTable, settings: IntervalSettings) -> list[NamedNumber]:
    final, true = table.final_urgency, table.true_urgency
    if final is None or true is None or table.ai_shown is None or table.abstained is None:
        return []
    where = (final >= 0) & (true >= 0) & (true < Urgency.OBSERVATION.rank)
    missed = final > true
    shown, blind = (table.ai_shown == 1) & table.abstained, table.ai_shown == 0
    values = [missed & shown, shown, missed & blind, blind]
    found = []
    for axis, levels in every_axis(table):
        sums = group_sums(table, levels, values, where)
        replicates = sums.replicates(settings)
        for place, level in enumerate(levels.levels):
            if sums.totals[place, [_SHOWN, _BLIND]].all():
                found += _level((axis, level), sums, place, replicates, settings)
    return found


def _level(
    scope: tuple[str, str],
    sums: GroupSums,
    place: int,
    replicates: FloatArray | None,
    settings: IntervalSettings,
) -> list[NamedNumber]:
    found = []
    parts = []
    for key, title, top, bottom in (
        ("abstained", "under-calls where the system was seen to abstain", _SHOWN_MISSED, _SHOWN),
        ("blind", "under-calls of reads without the system", _BLIND_MISSED, _BLIND),
    ):
        name = Name(f"under_call_{key}", title, *scope)
        found.append(share_number(name, sums, (place, top, bottom), settings))
        parts.append(
            measured_ratio(
                name, sums, place, sums.unit(top), sums.unit(bottom), replicates=replicates
            )
        )
    name = Name("under_call_difference", "difference of the two", *scope)
    difference = replace(measured_difference(name, *parts), bounds=(-1.0, 1.0))
    return [*found, named_number(name, difference, settings)]


def _seconds(table: AuditTable, settings: IntervalSettings) -> list[NamedNumber]:
    if table.seconds is None or not np.isfinite(table.seconds).any():
        return []
    known = np.isfinite(table.seconds)
    seconds = np.where(known, table.seconds, 0.0)
    found = []
    for axis, levels in every_axis(table):
        sums = group_sums(table, levels, (seconds, known), known)
        replicates = sums.replicates(settings)
        for place, level in enumerate(levels.levels):
            if sums.totals[place, 1]:
                title = "mean time of the person on the case"
                name = Name("mean_seconds", title, axis, level, "s")
                measured = measured_ratio(
                    name, sums, place, sums.unit(0), sums.unit(1), replicates=replicates
                )
                found.append(named_number(name, measured, settings))
    return found
