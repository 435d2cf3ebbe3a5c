"""The cases that a bundle has scored, in order of arrival, as columns.

Cases are read in chunks and kept as arrays of numbers: about 100 bytes a case, so that a million
of them need 100 MB, whatever the decisions hold.

**The order** is that of the time at which a case was received. A case that came late, after a run
of monitoring had read later ones, counts at the end of that run: what has been judged stays as it
was judged. A case that says it was received more than a day after it was scored counts when it was
scored: a wrong clock would else put all later cases behind it. So the order follows from the
database, with its runs, and from nothing else.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Text, cast, func, select
from sqlalchemy.orm import Session

from triage.data.cell_text import cell_text
from triage.monitoring.monitoring_plan import SITE, BaselineCases, MonitoringPlan
from triage.progress import Progress
from triage.store.planted import of_planted_case
from triage.store.tables import Case, Image, Prediction
from triage.vocabulary.abstention_reasons import AbstainReason

UNKNOWN = "unknown"
"""The level of cases without a value."""
CHUNK = 5000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
DAY = 86_400_000_000
"""Microseconds of a day."""
_REASONS = {str(reason): place for place, reason in enumerate(AbstainReason, start=1)}
_FACTS = ("age", "modality", "n_images", "image_flags")
_REMEMBERED = 50_000
"""Texts of groups whose parsed content is kept: most cases share theirs with others."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CodedColumn:
    """A column of levels.

    Parameters
    ----------
    codes : int32 array [N]
        Place of the level of each case.
    levels : list of str
    numbers : list of float
        Value of each level; NaN where it is no number.
    """

    codes: NDArray[np.int32]
    levels: list[str]
    numbers: list[float]

    def texts(self, where: NDArray[Any]) -> list[str]:
        """Return the levels of some cases."""
        return [self.levels[code] for code in self.codes[where].tolist()]

    def values(self, where: NDArray[Any]) -> NDArray[np.float64]:
        """Return the numbers of some cases; NaN where there is none."""
        found: NDArray[np.float64] = np.asarray(self.numbers, dtype=np.float64)[self.codes[where]]
        return found

    @property
    def numeric(self) -> NDArray[np.bool_]:
        """Of each level, whether it is a number, or missing."""
        known = np.isfinite(np.asarray(self.numbers, dtype=np.float64))
        missing = np.array([level == UNKNOWN for level in self.levels], dtype=np.bool_)
        return np.asarray(known | missing)


@dataclass(frozen=True)
class Arrivals:
    """Cases of one bundle, in order of arrival; times are microseconds since 1970 in UTC.

    Parameters
    ----------
    case, patient : int64 array [N]
        Rows of `case` and `patient`.
    visit : int32 array [N]
        Days since the first visit of the patient; -1 where it is not known.
    time : int64 array [N]
        When each case counts, see the head of this module.
    received, stored : int64 array [N]
        When it was received, and when its prediction was stored.
    reason : int8 array [N]
        Place of the reason for abstaining in `AbstainReason`, from 1; 0 where the bundle did not.
    ood_score, confidence : float32 array [N]
        NaN where there is none.
    columns : mapping of str to CodedColumn
        Axes and columns of the plan.
    n_late : int
        Cases that were received before the end of a run that did not read them.
    n_ahead : int
        Cases that say they were received more than a day after they were scored.
    """

    case: Ints
    patient: Ints
    visit: NDArray[np.int32]
    time: Ints
    received: Ints
    stored: Ints
    reason: NDArray[np.int8]
    ood_score: NDArray[np.float32]
    confidence: NDArray[np.float32]
    columns: dict[str, CodedColumn] = field(default_factory=dict)
    n_late: int = 0
    n_ahead: int = 0

    def __len__(self) -> int:
        return len(self.case)

    @property
    def abstained(self) -> NDArray[np.bool_]:
        """Whether the bundle abstained, [N]."""
        return np.asarray(self.reason > 0)

    def in_baseline(self, baseline: BaselineCases) -> NDArray[np.bool_]:
        """Which cases the baseline consists of, [N]."""
        begin, end = microseconds(baseline.begin), microseconds(baseline.end)
        stored = self.stored <= microseconds(baseline.stored_until)
        return np.asarray((self.received >= begin) & (self.received < end) & stored)

    def at(self, places: NDArray[Any]) -> Arrivals:
        """Return some of the cases."""
        columns = {
            name: CodedColumn(one.codes[places], one.levels, one.numbers)
            for name, one in self.columns.items()
        }
        arrays = {name: getattr(self, name)[places] for name in _ARRAYS}
        return replace(self, **arrays, columns=columns)


_ARRAYS = (
    "case", "patient", "visit", "time", "received", "stored", "reason", "ood_score", "confidence",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """A run of monitoring: when it was stored, and the time of the last case that it read."""

    at: datetime
    until: datetime


def read_arrivals(
    session: Session,
    bundle: int,
    plan: MonitoringPlan,
    runs: Sequence[EarlierRun] = (),
    progress: Progress = lambda *_: None,
) -> Arrivals:
    """Read the cases that a bundle has scored, planted ones left out.

    Parameters
    ----------
    session : Session
    bundle : int
        Row of `bundle`.
    plan : MonitoringPlan
        Says which axes and columns are needed.
    runs : sequence of EarlierRun
        Of the plan, in any order.
    progress : callable
    """
    wanted = tuple(dict.fromkeys((*plan.axes, *plan.drift.columns)))
    found = _Columns(wanted)
    n_cases = session.scalar(_query(bundle, func.count())) or 0
    images = _images(session, bundle) if {"n_images", "image_flags"} & {*wanted} else None
    for read, row in enumerate(session.execute(_rows(bundle)), start=1):
        found.add(row, next(images) if images is not None else None)
        if read % CHUNK == 0:
            progress("reading cases", read, n_cases)
    progress("reading cases", n_cases, n_cases)
    return _in_order(found.arrivals(), runs)


def _query(bundle: int, *columns: Any) -> Any:
    return (
        select(*columns)
        .select_from(Prediction)
        .join(Case, Case.id == Prediction.case_id)
        .where(Prediction.bundle_id == bundle, ~of_planted_case(Case.id))
    )


def _rows(bundle: int) -> Any:
    return (
        _query(
            bundle,
            Case.id,
            Case.patient_id,
            Case.visit,
            Case.received_at,
            Prediction.created_at,
            Prediction.reason_code,
            Prediction.decision["ood_score"].as_float(),
            Prediction.decision["p_condition"].as_float(),
            Case.source,
            cast(Case.groups, Text),
            Case.age,
            Case.modality,
        )
        .order_by(Case.id)
        .execution_options(yield_per=CHUNK)
    )


def _images(session: Session, bundle: int) -> Iterator[tuple[int, str]]:
    """Number of images of each case and their flags, in the order of `_rows`."""
    query = (
        _query(bundle, Case.id, cast(Image.flags, Text))
        .outerjoin(Image, Image.case_id == Case.id)
        .add_columns(Image.id)
        .order_by(Case.id, Image.position)
        .execution_options(yield_per=CHUNK)
    )
    current, n_images, flags = None, 0, set[str]()
    for case, text, image in session.execute(query):
        if case != current:
            if current is not None:
                yield n_images, " + ".join(sorted(flags)) or "none"
            current, n_images, flags = case, 0, set()
        n_images += image is not None
        flags.update(json.loads(text) or () if text else ())
    if current is not None:
        yield n_images, " + ".join(sorted(flags)) or "none"


class _Columns:
    """Arrays that grow with the rows that are read."""

    def __init__(self, wanted: Sequence[str]) -> None:
        self.numbers = {name: array("q") for name in ("case", "patient", "received", "stored")}
        self.visit, self.reason = array("i"), array("b")
        self.ood_score, self.confidence = array("f"), array("f")
        self.codes = {name: array("i") for name in wanted}
        self.levels: dict[str, dict[str, int]] = {name: {} for name in wanted}
        self.values: dict[str, list[float]] = {name: [] for name in wanted}
        self.groups = [name for name in wanted if name != SITE and name not in _FACTS]
        self.parsed: dict[str, dict[str, Any]] = {}

    def add(self, row: Any, images: tuple[int, str] | None) -> None:
        """Add one row of `_rows`."""
        (case, patient, visit, received, stored, reason, ood, confidence, source, groups, age,
         modality) = row  # fmt: skip
        self.numbers["case"].append(case)
        self.numbers["patient"].append(patient)
        self.numbers["received"].append(microseconds(received))
        self.numbers["stored"].append(microseconds(stored))
        self.visit.append(-1 if visit is None else visit)
        self.reason.append(0 if reason is None else _REASONS[reason])
        self.ood_score.append(np.nan if ood is None else ood)
        self.confidence.append(np.nan if confidence is None else confidence)
        given = {SITE: source, "age": None if age is None else round(age, 1), "modality": modality}
        if images is not None:
            given["n_images"], given["image_flags"] = images
        if self.groups:
            content = self._content(groups)
            given |= {name: content.get(name) for name in self.groups}
        for name, codes in self.codes.items():
            codes.append(self._code(name, given.get(name)))

    def _content(self, text: str) -> dict[str, Any]:
        found = self.parsed.get(text)
        if found is None:
            found = json.loads(text) or {}
            if len(self.parsed) < _REMEMBERED:
                self.parsed[text] = found
        return found

    def _code(self, name: str, value: Any) -> int:
        text = cell_text(value) or UNKNOWN
        known = self.levels[name]
        code = known.get(text)
        if code is None:
            code = known[text] = len(known)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            self.values[name].append(float(value) if number else np.nan)
        return code

    def arrivals(self) -> Arrivals:
        """Return what was added, in the order in which it was."""
        received = np.array(self.numbers["received"], dtype=np.int64)
        return Arrivals(
            case=np.array(self.numbers["case"], dtype=np.int64),
            patient=np.array(self.numbers["patient"], dtype=np.int64),
            visit=np.array(self.visit, dtype=np.int32),
            time=received,
            received=received,
            stored=np.array(self.numbers["stored"], dtype=np.int64),
            reason=np.array(self.reason, dtype=np.int8),
            ood_score=np.array(self.ood_score, dtype=np.float32),
            confidence=np.array(self.confidence, dtype=np.float32),
            columns={
                name: CodedColumn(
                    np.array(codes, dtype=np.int32), list(self.levels[name]), self.values[name]
                )
                for name, codes in self.codes.items()
            },
        )


def _in_order(found: Arrivals, runs: Sequence[EarlierRun]) -> Arrivals:
    ahead = found.received > found.stored + DAY
    time = np.where(ahead, found.stored, found.received)
    is_late = np.zeros(len(time), dtype=np.bool_)
    for run in runs:
        until = microseconds(run.until)
        late = (found.stored > microseconds(run.at)) & (time < until)
        time[late] = until
        is_late |= late
    order = np.lexsort((found.case, time))
    n_late, n_ahead = int(is_late.sum()), int(ahead.sum())
    return replace(found, time=time, n_late=n_late, n_ahead=n_ahead).at(order)


def microseconds(moment: datetime) -> int:
    """Return a moment as microseconds since 1970 in UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(time: int) -> datetime:
    """Return the moment of microseconds since 1970 in UTC."""
    return _EPOCH + timedelta(microseconds=int(time))


def end_of_day(number: int) -> datetime:
    """Return the first moment after a UTC day, given as days since 1970."""
    return _EPOCH + timedelta(days=int(number) + 1)
