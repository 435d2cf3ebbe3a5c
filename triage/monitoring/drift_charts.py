"""Charts of drift: columns of the cases and stored vectors, a window against the baseline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from math import log10
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.engine import ResultFolder
from triage.hashing import hash_json
from triage.monitoring.alarms import NewAlarm
from triage.monitoring.case_stream import Arrivals, CodedColumn, Ints
from triage.monitoring.chart_windows import (
    Calendar,
    Looks,
    Window,
    answer_of,
    kept,
    not_available,
)
from triage.monitoring.distribution_drift import category_drift, ks_drift
from triage.monitoring.drift_test import first_of_units
from triage.monitoring.kernel_mmd import mmd_test
from triage.monitoring.monitoring_plan import MonitoringPlan
from triage.monitoring.monitoring_result import ChartPoint
from triage.monitoring.stability_index import bin_counts, index_of_counts
from triage.monitoring.stream_context import ChartAnswer, ChartContext, Stream, facts_of
from triage.store.features import VECTOR_COLUMNS, vectors_of_rows
from triage.store.tables import CaseFeatures

_NO_BASELINE = "the plan has no baseline in the database"
_AT_ONCE = 500
_BINS = 10
_SMALLEST_P = 1e-300
INPUT_TITLE, EMBEDDING_TITLE = "Input drift", "Drift of the embeddings"

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Compared:
    """What drift charts compare: the baseline cases and the watched ones of a stream.

    Parameters
    ----------
    reference, current : Arrivals
    calendar : Calendar
    results : ResultFolder, optional
        Where answers are kept.
    """

    reference: Arrivals | None
    current: Arrivals
    calendar: Calendar
    results: ResultFolder | None = None


def input_chart(context: ChartContext, given: Compared, stream: Stream) -> ChartAnswer:
    """Return the chart of one column: its PSI, and the test whether it has drifted.

    Numbers are compared by the Kolmogorov-Smirnov test, levels by chi-square. A column is one of
    numbers if all its values in the baseline are. Of several cases of a patient in a window the
    first counts.

    Parameters
    ----------
    context : ChartContext
    given : Compared
    stream : (ChartKind, str, str, str)
        Its key is the column.
    """
    title = f"{INPUT_TITLE}: {stream[1].replace('_', ' ')}"
    if given.reference is None:
        return not_available(stream, title, len(given.current), _NO_BASELINE)
    plan, column = context.plan, given.reference.columns[stream[1]]
    known = np.bincount(column.codes, minlength=len(column.levels)) > 0
    missing_only = not np.isfinite(np.asarray(column.numbers)[known]).any()
    numeric = bool(column.numeric[known].all()) and not missing_only
    reference = _values(column, first_of_units(given.reference.patient), numeric)
    now = given.current.columns[stream[1]]
    hashed = _hash(reference)

    def test(window: Window, level: float) -> tuple[dict[str, Any], float | None]:
        patients = given.current.patient[window.first : window.end]
        current = _values(now, window.first + first_of_units(patients), numeric)
        arguments = {"of": [hashed, _hash(current)], "level": level, "seed": plan.seed,
                     "n_permutations": plan.drift.n_permutations, "numeric": numeric}  # fmt: skip
        found = kept(
            given.results, "input", arguments,
            lambda: _input_test(plan, reference, current, level, numeric),
        )  # fmt: skip
        return found["test"], found["psi"]

    return _chart(
        context,
        given,
        stream,
        test,
        title=title,
        baseline_n=len(reference),
        unit="PSI",
        note=f"value: population stability index; statistic: -log10 of the p-value of the "
        f"{'Kolmogorov-Smirnov' if numeric else 'chi-square'} test",
    )


def _values(column: CodedColumn, places: Places, numeric: bool) -> Any:
    return column.values(places) if numeric else column.texts(places)


def _hash(values: Any) -> str:
    if isinstance(values, np.ndarray):
        return sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
    return hash_json(values)


def _input_test(
    plan: MonitoringPlan, reference: Any, current: Any, level: float, numeric: bool
) -> dict[str, Any]:
    """The test, and beside it the stability index, which raises no alarm and is not tested."""
    if numeric:
        test = ks_drift(reference, current, level=level)
    else:
        drawn = {"n_permutations": plan.drift.n_permutations, "seed": plan.seed}
        test = category_drift(reference, current, level=level, **drawn)
    index = None if test.p_value is None else _index(reference, current, numeric)
    return {"test": asdict(test), "psi": index}


def _index(reference: Any, current: Any, numeric: bool) -> float:
    if numeric:
        old, new = (values[np.isfinite(values)] for values in (reference, current))
        counts = bin_counts(old, new, _BINS)
    else:
        names, place = np.unique(np.asarray([*reference, *current]), return_inverse=True)
        parts = np.split(place, [len(reference)])
        counts = np.stack([np.bincount(part, minlength=len(names)) for part in parts])
    return float(index_of_counts(counts[0], counts[1]))


def embedding_chart(
    context: ChartContext, given: Compared, stream: Stream, vectors: StoredVectors
) -> ChartAnswer:
    """Return the chart of the stored vectors: kernel MMD of each window against the baseline.

    Vectors are drawn of the baseline and of each window, by the seed of the plan. Only those are
    read, so that memory does not grow with the cases.

    Parameters
    ----------
    context : ChartContext
    given : Compared
    stream : (ChartKind, str, str, str)
    vectors : StoredVectors
    """
    if given.reference is None:
        return not_available(stream, EMBEDDING_TITLE, len(given.current), _NO_BASELINE)
    plan, baseline = context.plan, given.reference
    stored = vectors.cases
    if not len(stored):
        return not_available(
            stream, EMBEDDING_TITLE, len(given.current), "no vectors are stored for this bundle"
        )
    reference = _drawn(baseline, stored, plan.drift.max_reference, plan.seed)
    old = vectors.hashes(baseline.case[reference])

    def test(window: Window, level: float) -> tuple[dict[str, Any], float | None]:
        part = given.current.at(np.arange(window.first, window.end))
        chosen = _drawn(part, stored, plan.drift.max_window, plan.seed + 1 + window.index)
        new = vectors.hashes(part.case[chosen])
        arguments = {"of": [hash_json(old), hash_json(new)], "level": level, "seed": plan.seed,
                     "n_permutations": plan.drift.n_permutations}  # fmt: skip

        def compute() -> dict[str, Any]:
            samples = [vectors.read(baseline, reference), vectors.read(part, chosen)]
            found = mmd_test(
                samples[0][0],
                samples[1][0],
                units=(samples[0][1], samples[1][1]),
                level=level,
                n_permutations=plan.drift.n_permutations,
                seed=plan.seed,
            )
            return asdict(found)

        found = kept(given.results, "embedding", arguments, compute)
        return found, found["effect"]

    return _chart(
        context,
        given,
        stream,
        test,
        title=EMBEDDING_TITLE,
        baseline_n=len(old),
        unit="halves of the baseline",
        note="value: MMD^2 as multiples of its 95 % quantile between halves of the baseline; "
        "statistic: -log10 of the p-value of the permutation test",
    )


def _chart(
    context: ChartContext,
    given: Compared,
    stream: Stream,
    test: Callable[[Window, float], tuple[dict[str, Any], float | None]],
    *,
    title: str,
    note: str,
    **more: Any,
) -> ChartAnswer:
    """A point for each complete window, and an alarm where its test finds drift."""
    plan, days = context.plan, context.plan.drift.window_days
    n_looks = max(1, plan.horizon_days // days)
    looks = Looks(plan.false_alarm, n_looks)
    points, alarms = [], []
    for window in given.calendar.windows(given.current.time, days):
        level = looks.level()
        if window.n_cases < plan.min_window:
            looks.made(tested=False)
            points.append(
                ChartPoint(at=window.at, n_cases=window.n_cases, after_gap=window.after_gap)
            )
            continue
        found, value = test(window, level)
        p_value = found["p_value"]
        looks.made(tested=p_value is not None)
        alarm = p_value is not None and p_value <= level
        points.append(
            ChartPoint(
                at=window.at,
                n_cases=window.n_cases,
                value=None if p_value is None else value,
                statistic=None if p_value is None else -log10(max(p_value, _SMALLEST_P)),
                alarm=alarm,
                after_gap=window.after_gap,
            )
        )
        if alarm:
            facts = facts_of(
                value=value, p_value=p_value, level=level, statistic=found["statistic"],
                n_reference=found["n_reference"], n_current=found["n_current"],
                method=found["method"],
            )  # fmt: skip
            alarms.append(NewAlarm(*stream, crossed_at=window.at, case_id=None, facts=facts))
    return answer_of(
        context,
        stream,
        points,
        alarms,
        title=title,
        n_cases=len(given.current),
        note=note if any(point.value is not None for point in points) else "",
        limit=-log10(plan.false_alarm / n_looks),
        false_alarm=plan.false_alarm,
        **more,
    )


def _drawn(cases: Arrivals, stored: Ints, most: int, seed: int) -> Places:
    """Places of at most so many cases with a vector, drawn by the seed."""
    there = np.flatnonzero(np.isin(cases.case, stored))
    if len(there) <= most:
        return there.astype(np.int64)
    return np.sort(np.random.default_rng(seed).choice(there, most, replace=False)).astype(np.int64)


class StoredVectors:
    """Stored vectors of a bundle, by the number of the case."""

    def __init__(self, session: Session, bundle: int) -> None:
        self.session, self.bundle = session, bundle

    @cached_property
    def cases(self) -> Ints:
        """Numbers of the cases with a vector, ascending."""
        query = (
            select(CaseFeatures.case_id)
            .where(CaseFeatures.bundle_id == self.bundle)
            .execution_options(yield_per=10_000)
        )
        return np.sort(np.fromiter(self.session.scalars(query), dtype=np.int64))

    def hashes(self, cases: Ints) -> list[str]:
        """Return the hash of the vector of each case."""
        rows = self._rows(cases, CaseFeatures.case_id, CaseFeatures.sha256)
        return [row.sha256 for row in sorted(rows, key=lambda row: row.case_id)]

    def read(self, arrivals: Arrivals, places: Places) -> tuple[NDArray[np.float32], Ints]:
        """Return the vectors of cases, and their patients."""
        cases = arrivals.case[places]
        rows = sorted(self._rows(cases, *VECTOR_COLUMNS), key=lambda row: row.case_id)
        found, vectors = vectors_of_rows(rows, rows[0].dimension if rows else 1)
        patient = dict(zip(cases.tolist(), arrivals.patient[places].tolist(), strict=True))
        return vectors, np.array([patient[case] for case in found], dtype=np.int64)

    def _rows(self, cases: Ints, *columns: Any) -> Sequence[Any]:
        found: list[Any] = []
        for first in range(0, len(cases), _AT_ONCE):
            query = select(*columns).where(
                CaseFeatures.bundle_id == self.bundle,
                CaseFeatures.case_id.in_(cases[first : first + _AT_ONCE].tolist()),
            )
            found += self.session.execute(query)
        return found
