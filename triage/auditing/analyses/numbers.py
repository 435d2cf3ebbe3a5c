"""Named numbers of an analysis, with the interval that fits what they are made of."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from triage.auditing.analyses.group_sums import FloatArray, GroupSums
from triage.auditing.audit_plan import IntervalSettings
from triage.auditing.intervals.choice import NONE, interval_of
from triage.auditing.intervals.result import IntervalResult
from triage.auditing.measured import Measured
from triage.auditing.measurement import Analysis, NamedNumber

SHARE = "proportion"


@dataclass(frozen=True)
class Name:
    """What a number is called, and the set of cases that it is of."""

    key: str
    title: str
    axis: str
    level: str
    unit: str = SHARE
    note: str = ""


def unavailable(key: str, title: str, reason: str) -> Analysis:
    """Return an analysis that is not available, with the reason."""
    return Analysis(key=key, title=title, available=False, reason=reason)


def missing_columns(columns: dict[str, object | None]) -> str:
    """Name the columns that are absent, as the reason why an analysis is not available."""
    absent = [name for name, column in columns.items() if column is None]
    return f"the table has no {', '.join(absent)}" if absent else ""


def measured_ratio(
    name: Name,
    sums: GroupSums,
    level: int,
    top: FloatArray,
    bottom: FloatArray,
    *,
    n_patients: int | None = None,
    replicates: FloatArray | None = None,
) -> Measured:
    """Measure the ratio of two combinations of the totals of a level.

    Parameters
    ----------
    name : Name
    sums : GroupSums
    level : int
    top, bottom : float array [Q]
        Coefficients of the values.
    n_patients : int, optional
        Patients of the scarcest kind; by default those with a part in `bottom`.
    replicates : float array [B, L, Q], optional
        Totals of resamples; None with too many patients.
    """
    patients, columns = sums.patients_of(level)
    upper, lower = columns @ top, columns @ bottom
    total, size = float(upper.sum()), float(lower.sum())
    value = total / size if size > 0 else math.nan
    drawn = None
    if replicates is not None:
        above, below = replicates[:, level] @ top, replicates[:, level] @ bottom
        drawn = np.divide(above, below, out=np.full(len(below), np.nan), where=below > 0)
    return Measured(
        key=name.key, title=name.title, unit=name.unit, larger_is_better=None, value=value,
        n=round(size), patients=patients, replicates=drawn,
        n_patients=int((lower != 0).sum()) if n_patients is None else n_patients,
        influence=(upper - value * lower) / size if size > 0 else np.full(len(upper), np.nan),
    )  # fmt: skip


def share_number(
    name: Name,
    sums: GroupSums,
    columns: tuple[int, int, int],
    settings: IntervalSettings,
) -> NamedNumber:
    """Return a proportion with its exact interval.

    Parameters
    ----------
    columns : (int, int, int)
        Level, and the values that are the number of cases with the property and of all cases.
    """
    level, hits, cases = columns
    found = measured_ratio(name, sums, level, sums.unit(hits), sums.unit(cases))
    found = replace(
        found, n_positive=round(float(sums.totals[level, hits])), bounds=(0.0, 1.0),
        one_case_a_patient=bool(sums.largest[level, cases] <= 1),
    )  # fmt: skip
    return named_number(name, found, settings)


def mean_number(
    name: Name,
    sums: GroupSums,
    level: int,
    top: FloatArray,
    bottom: FloatArray,
    settings: IntervalSettings,
    bounds: tuple[float, float],
) -> NamedNumber:
    """Return the mean of a bounded value of cases, with Gaffke's interval.

    Parameters
    ----------
    top, bottom : float array [Q]
        Coefficients of the values that are the sum and the number of cases.
    bounds : (float, float)
        No value of any case, seen or not, lies outside.
    """
    found = measured_ratio(name, sums, level, top, bottom)
    _, each = sums.patients_of(level)
    found = replace(found, sums=each @ top, sizes=each @ bottom, bounds=bounds, case_bounds=bounds)
    return named_number(name, found, settings)


def measured_difference(name: Name, a: Measured, b: Measured) -> Measured:
    """Measure the difference a - b of two numbers of the same audit.

    Replicates must be of the same resamples of patients.
    """
    patients = np.union1d(a.patients, b.patients)
    influence = np.zeros(len(patients))
    influence[np.searchsorted(patients, a.patients)] += a.influence
    influence[np.searchsorted(patients, b.patients)] -= b.influence
    drawn = None
    if a.replicates is not None and b.replicates is not None:
        drawn = a.replicates - b.replicates
    return Measured(
        key=name.key, title=name.title, unit=name.unit, larger_is_better=None,
        value=a.value - b.value, n=min(a.n, b.n), n_patients=min(a.n_patients, b.n_patients),
        patients=patients, influence=influence, replicates=drawn,
    )  # fmt: skip


def named_number(name: Name, measured: Measured, settings: IntervalSettings) -> NamedNumber:
    """Return a number with its interval."""
    found = interval_of(measured, settings)
    return NamedNumber(
        key=name.key, title=name.title, axis=name.axis, level=name.level, unit=name.unit,
        value=float(measured.value) if math.isfinite(measured.value) else None,
        low=found.low, high=found.high, n=measured.n, n_patients=measured.n_patients,
        interval=found.method, note=name.note or _note(measured, found, settings),
    )  # fmt: skip


def _note(measured: Measured, found: IntervalResult, settings: IntervalSettings) -> str:
    if not math.isfinite(measured.value):
        return "no such case"
    if found.method == NONE and measured.n_patients < settings.min_patients:
        return f"fewer than {settings.min_patients} patients"
    if found.evidence != "enough":
        return "undefined in many resamples"
    return ""
