"""Measure metrics on a set of cases: value, influence of each patient, and resamples.

Every metric is a function of sums over cases (`triage.evaluation.metrics.sums`). The sums of each
patient are taken once, so that a resample costs as much as there are patients, not cases. Sums are
exact (`triage.auditing.engine.exact`): the numbers depend neither on the order of rows nor on the
number of threads.

Patients are resampled within the plan's strata. For metrics that rank two kinds of case against
each other (OOD AUROC and FPR95, AUROC of urgent) patients who have an outlier, or an urgent case,
and those who have none are besides resampled apart, so that every resample has both kinds. Such a
value does not depend on how many cases of each kind there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from triage.auditing.audit_plan import IntervalSettings
from triage.auditing.engine.exact import summable
from triage.auditing.engine.resamples import draws
from triage.auditing.engine.restated import at_prevalence_form
from triage.auditing.engine.scope import Scope
from triage.auditing.measured import AS_FOUND, Measured
from triage.auditing.metric_columns import METRIC_COLUMNS, Column
from triage.evaluation.metrics.metric import Metric, Need
from triage.evaluation.metrics.sums import Entry, SumForm, Terms
from triage.evaluation.metrics.weighted import CaseValues, FloatArray

_NARROW = 128
_MOST_IN_FLOAT32 = 2**22
_CELLS_AT_ONCE = 2**18
"""Sums of resamples held at once: 2 MiB, which stay in the cache of a core."""

_EVERYWHERE = (-np.inf, np.inf)
_BOUNDS = {
    "proportion": (0.0, 1.0),
    "area": (0.0, 1.0),
    "risk": (-1.0, 1.0),
    "slope": _EVERYWHERE,
    "log odds": _EVERYWHERE,
}
"""Of the values of a metric by its unit; those of others are from 0."""


@dataclass(frozen=True)
class _Group:
    """Metrics of the same sums, and the sums of each patient [P, C]."""

    members: tuple[tuple[Metric, SumForm], ...]
    terms: Terms
    by_patient: Any


def measure_scope(
    scope: Scope, metrics: Sequence[Metric], settings: IntervalSettings, prevalence: float | None
) -> list[Measured]:
    """Measure metrics on one set of cases.

    Parameters
    ----------
    scope : Scope
    metrics : sequence of Metric
        Of which the table has the columns.
    settings : IntervalSettings
    prevalence : float, optional
        Share of outliers that metrics of all cases are given for. Where the set has no outlier, or
        nothing else, they are given as found, with the note `AS_FOUND`.

    Returns
    -------
    list of Measured
        In the order of the metrics.
    """
    resampled = len(scope.patients) <= settings.max_bootstrap_patients
    shares = {metric.key: _share(scope, metric, prevalence) for metric in metrics}
    by_terms: dict[Callable[..., Terms], list[tuple[Metric, SumForm]]] = {}
    for metric in metrics:
        form = _form(metric, shares[metric.key].prevalence)
        by_terms.setdefault(form.terms, []).append((metric, form))
    found: dict[str, Measured] = {}
    groups: list[_Group] = []
    for members in by_terms.values():
        terms = members[0][1].terms(scope.cases)
        total = _total(terms)[None]
        for metric, form in members:
            sums = form.sums(total, terms)
            found[metric.key] = _measured(scope, metric, form, sums, shares[metric.key])
        if resampled:
            # Without the terms of cases, which may be large.
            bare = replace(terms, entries=())
            groups.append(_Group(tuple(members), bare, _by_patient(scope, terms)))
    for key, replicates in _resample(scope, groups, settings).items():
        found[key] = replace(found[key], replicates=replicates)
    return [found[metric.key] for metric in metrics]


class _Share(NamedTuple):
    """The share of outliers that a metric is given for on a set; None as found, perhaps noted."""

    prevalence: float | None
    note: str = ""


def _share(scope: Scope, metric: Metric, prevalence: float | None) -> _Share:
    """Return the stated share where outliers and inliers both count in a metric, else None.

    Where one kind is there and does not count, such as outliers without an urgency, the value is
    the same at any share.
    """
    if prevalence is None or not metric.of_all_cases:
        return _Share(None)
    inlier, outlier = scope.cases.is_inlier, scope.cases.is_outlier
    values = metric.case_values
    counted: Any = np.True_ if values is None else values(scope.cases).where
    if (counted & inlier).any() and (counted & outlier).any():
        return _Share(prevalence)
    both = inlier.any() and outlier.any()
    by_urgency = Column.TRUE_URGENCY in METRIC_COLUMNS[metric.key]
    if both or (by_urgency and not scope.outliers_have_urgency):
        return _Share(None)
    return _Share(None, AS_FOUND)


def _form(metric: Metric, prevalence: float | None) -> SumForm:
    assert metric.form is not None
    if metric.of_all_cases and prevalence is not None:
        return at_prevalence_form(metric.form, prevalence)
    return metric.form


def _exact(terms: Terms) -> Iterator[Entry]:
    """Yield entries whose sums are exact, one at a time: they may be large."""
    for place, value in terms.entries:
        yield Entry(place, value if value.dtype == np.bool_ else summable(value))


def _total(terms: Terms) -> FloatArray:
    total = np.zeros(terms.size)
    for place, value in _exact(terms):
        if isinstance(place, int):
            total[place] += value.sum(dtype=np.float64)
        else:
            total += np.bincount(place, value, minlength=terms.size)
    return total


def _by_patient(scope: Scope, terms: Terms) -> Any:
    """Return the sums of each patient, [P, C]: dense where P is small."""
    c = len(scope.patients)
    if terms.size <= _NARROW:
        flat = np.zeros(terms.size * c)
        for place, value in _exact(terms):
            if isinstance(place, int):
                part = np.bincount(scope.local, value, minlength=c)
                flat[place * c : (place + 1) * c] += part
            else:
                flat += np.bincount(
                    place.astype(np.int64) * c + scope.local, value, minlength=len(flat)
                )
        return flat.reshape(terms.size, c)
    whole = all(value.dtype == np.bool_ for _, value in terms.entries)
    kind = np.float32 if whole and len(scope.local) < _MOST_IN_FLOAT32 else np.float64
    parts = [_sparse(scope, entry, terms.size, kind) for entry in _exact(terms)]
    return reduce(lambda one, other: one + other, parts)


def _sparse(scope: Scope, entry: Entry, size: int, kind: Any) -> Any:
    place = np.broadcast_to(np.asarray(entry.place), scope.local.shape)
    counted = entry.value != 0
    return sparse.csr_array(
        (entry.value[counted].astype(kind), (place[counted], scope.local[counted])),
        shape=(size, len(scope.patients)),
    )


def _measured(scope: Scope, metric: Metric, form: SumForm, sums: Any, share: _Share) -> Measured:
    value = float(form.value(sums)[0])
    where, needed = _support(scope, metric)
    restated = share.prevalence is not None
    if restated:
        needed += [scope.cases.is_outlier, scope.cases.is_inlier]
    part = None if metric.case_values is None else metric.case_values(scope.cases)
    positive = None
    if part is not None and not restated and metric.unit == "proportion":
        positive = int((np.asarray(part.values, dtype=np.bool_) & part.where).sum())
    sizes = np.bincount(scope.local[where], minlength=len(scope.patients))
    gaffke = {}
    if part is not None and np.isfinite(part.high):
        gaffke = _patient_sums(scope, part, share.prevalence)
    return Measured(
        key=metric.key,
        title=metric.title,
        unit=metric.unit,
        larger_is_better=metric.larger_is_better,
        value=value,
        n=int(where.sum()),
        n_patients=min(scope.count_patients(each) for each in needed),
        patients=scope.patients,
        influence=_influence(scope, form, sums, value),
        bounds=_bounds(metric, part),
        n_positive=positive,
        one_case_a_patient=bool(sizes.max(initial=0) <= 1),
        note=_note(form, sums, value) or (share.note if np.isfinite(value) else ""),
        **gaffke,
    )  # fmt: skip


def _support(scope: Scope, metric: Metric) -> tuple[Any, list[Any]]:
    """Return the cases that a metric is taken of, and those of each kind that it needs."""
    if metric.case_values is not None:
        where = metric.case_values(scope.cases).where
        return where, [where]
    cases: Any = scope.cases  # with the columns that the metric needs
    masks = [mask for need in metric.needs for mask in need.masks(cases)]
    if Need.ALL in metric.needs:
        masks = [mask & scope.cases.labelled for mask in masks]
    return np.logical_or.reduce(masks), masks


def _bounds(metric: Metric, part: CaseValues | None) -> tuple[float, float]:
    if part is not None:
        return part.low, part.high
    return _BOUNDS.get(metric.unit, (0.0, np.inf))


def _influence(scope: Scope, form: SumForm, sums: Any, value: float) -> FloatArray:
    c = len(scope.patients)
    if not np.isfinite(value):
        return np.full(c, np.nan)
    of_case = summable(sums.terms.along(form.gradient(sums)))
    of_patient = np.bincount(scope.local, of_case, minlength=c)
    centred: FloatArray = of_patient - of_patient.sum() / c
    return centred


def _patient_sums(scope: Scope, part: CaseValues, prevalence: float | None) -> dict[str, Any]:
    """Return sums and sizes of patients for Gaffke's interval, weighed for a prevalence."""
    weight = part.where.astype(np.float64)
    if prevalence is not None:
        inlier, outlier = scope.cases.is_inlier, scope.cases.is_outlier
        n, n_in, n_out = len(weight), inlier.sum(), outlier.sum()
        share = np.where(outlier, prevalence * n / max(n_out, 1), 0.0)
        weight *= np.where(inlier, (1 - prevalence) * n / max(n_in, 1), share)
    values = np.where(part.where, np.asarray(part.values, dtype=np.float64), 0.0)
    c = len(scope.patients)
    return {
        "sums": np.bincount(scope.local, summable(values * weight), minlength=c),
        "sizes": np.bincount(scope.local, summable(weight), minlength=c),
        "case_bounds": (part.low, part.high),
    }


def _note(form: SumForm, sums: Any, value: float) -> str:
    if not sums.terms.binned or form.bound is None or not np.isfinite(value):
        return ""
    return f"from bins of the score; the error of the value is at most {form.bound(sums):.1g}"


def _resample(
    scope: Scope, groups: Sequence[_Group], settings: IntervalSettings
) -> dict[str, FloatArray]:
    """Return every metric on each resample, float [B] each."""
    cases: Any = scope.cases
    pieces: dict[str, list[FloatArray]] = {}
    for kind in (None, Need.OUTLIERS, Need.URGENT):
        chosen = [
            replace(group, members=members)
            for group in groups
            if (members := tuple(each for each in group.members if _ranked(each[0]) is kind))
        ]
        if chosen:
            strata = scope.strata
            if kind is not None:
                strata = strata * 2 + scope.with_case(kind.masks(cases)[0])
            name = f"{scope.axis}\n{scope.level}\n{kind or ''}"
            for drawn in draws(
                strata, n_resamples=settings.replicates, seed=settings.seed, name=name
            ):
                _replicate(chosen, drawn, pieces)
    return {key: np.concatenate(parts) for key, parts in pieces.items()}


def _ranked(metric: Metric) -> Need | None:
    """Return the kind that a metric ranks against other cases, whatever the share of each."""
    if metric.case_values is not None or metric.of_all_cases:
        return None
    return next((each for each in metric.needs if each in (Need.OUTLIERS, Need.URGENT)), None)


def _replicate(
    groups: Sequence[_Group], drawn: FloatArray, pieces: dict[str, list[FloatArray]]
) -> None:
    """Add every metric on some resamples [C, b] to the pieces of each."""
    narrow = [group for group in groups if isinstance(group.by_patient, np.ndarray)]
    if narrow:
        together = np.concatenate([group.by_patient for group in narrow]) @ drawn
        ends = np.cumsum([group.terms.size for group in narrow])
        for group, part in zip(narrow, np.split(together, ends[:-1]), strict=True):
            _values(group, np.ascontiguousarray(part.T), pieces)
    for group in groups:
        if not isinstance(group.by_patient, np.ndarray):
            step = max(1, _CELLS_AT_ONCE // group.terms.size)
            whole = drawn.astype(group.by_patient.dtype)
            for start in range(0, whole.shape[1], step):
                part = group.by_patient @ np.ascontiguousarray(whole[:, start : start + step])
                _values(group, np.ascontiguousarray(part.T, dtype=np.float64), pieces)


def _values(group: _Group, totals: FloatArray, pieces: dict[str, list[FloatArray]]) -> None:
    """Add the values of the metrics of one group at the sums of some resamples [b, P]."""
    shared: dict[type[Any], Any] = {}
    for metric, form in group.members:
        sums = shared.setdefault(form.sums, form.sums(totals, group.terms))
        pieces.setdefault(metric.key, []).append(form.value(sums))
