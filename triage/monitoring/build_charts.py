"""All charts of a plan, from the rows of the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sqlalchemy.orm import Session

from triage.engine import ResultFolder
from triage.monitoring.accuracy_charts import METHODS, accuracy_chart, calibration_chart
from triage.monitoring.bundle_reference import BundleReference
from triage.monitoring.case_stream import DAY, Arrivals, Ints, microseconds
from triage.monitoring.chart_windows import Calendar
from triage.monitoring.drift_charts import Compared, StoredVectors, embedding_chart, input_chart
from triage.monitoring.monitored_levels import Level, levels_of
from triage.monitoring.monitoring_plan import FALL, MonitoringPlan
from triage.monitoring.rate_charts import RateStream, rate_chart
from triage.monitoring.rate_streams import decision_streams, visit_streams
from triage.monitoring.review_stream import Decisions, Labelled, read_decisions, read_labelled
from triage.monitoring.stream_context import ChartAnswer, ChartContext
from triage.monitoring.under_call_chart import missed_positives, under_call_chart
from triage.progress import Progress
from triage.vocabulary.monitoring import ChartKind


@dataclass(frozen=True)
class Monitored:
    """What a run of monitoring watches.

    Parameters
    ----------
    every, watched : Arrivals
        All cases of the bundle, and those since the start of the plan.
    decisions : Decisions
    labelled : Labelled
    """

    every: Arrivals
    watched: Arrivals
    decisions: Decisions
    labelled: Labelled

    @property
    def start(self) -> int:
        """Time of the first watched case; decisions and labels before it are not watched."""
        return int(self.watched.time[0]) if len(self.watched) else 0


def read_monitored(
    session: Session, plan: MonitoringPlan, bundle: int, every: Arrivals
) -> Monitored:
    """Read what people said of the cases that `read_arrivals` found."""
    start = 0 if plan.start is None else microseconds(plan.start)
    watched = every.at(np.flatnonzero(every.time >= start))
    return Monitored(
        every, watched, read_decisions(session, bundle), read_labelled(session, bundle, plan)
    )


def build_charts(
    session: Session,
    context: ChartContext,
    bundle: int,
    given: Monitored,
    *,
    reference: BundleReference | None = None,
    results: ResultFolder | None = None,
    progress: Progress = lambda *_: None,
) -> list[ChartAnswer]:
    """Return the charts of a plan, in the order of its charts; all cases before levels.

    Parameters
    ----------
    session : Session
        Reads stored vectors.
    context : ChartContext
    bundle : int
        Row of `bundle`.
    given : Monitored
    reference : BundleReference, optional
        Without it accuracy is not estimated.
    results : ResultFolder, optional
        Where answers of windows are kept.
    progress : callable
    """
    work = _Charts(session, context, bundle, given, reference, results)
    found = []
    for chart in context.plan.charts:
        for answer in work.of(chart):
            found.append(answer)
            progress("charts", len(found), len(found))
    return found


class _Charts:
    """The charts of each kind."""

    def __init__(
        self,
        session: Session,
        context: ChartContext,
        bundle: int,
        given: Monitored,
        reference: BundleReference | None,
        results: ResultFolder | None,
    ) -> None:
        self.session, self.context, self.bundle, self.given = session, context, bundle, given
        self.plan, self.reference, self.results = context.plan, reference, results
        self.levels = levels_of(self.plan, given.watched)
        self.calendar = _calendar(self.plan, given)
        baseline = self.plan.baseline
        held = None if baseline is None else np.flatnonzero(given.every.in_baseline(baseline))
        self.baseline = None if held is None or not len(held) else given.every.at(held)

    @cached_property
    def vectors(self) -> StoredVectors:
        """The stored vectors; which cases have one is read once for all levels."""
        return StoredVectors(self.session, self.bundle)

    def of(self, chart: ChartKind) -> Iterator[ChartAnswer]:
        """Yield the charts of a kind."""
        match chart:
            case ChartKind.OOD_RATE | ChartKind.ABSTENTION_RATE:
                yield from self._rates(visit_streams(self.plan, self.given.watched, chart))
            case ChartKind.OVERRIDE_RATE:
                decisions = self.given.decisions
                yield from self._rates(
                    decision_streams(self.plan, decisions, self.given.watched, self.given.start)
                )
            case ChartKind.UNDER_CALL_ON_ABSTAINED:
                yield from self._under_calls()
            case ChartKind.INPUT_DRIFT:
                yield from self._input()
            case ChartKind.EMBEDDING_DRIFT:
                for level in self.levels:
                    stream = (chart, "", level.axis, level.name)
                    compared = self._compared(level)
                    yield embedding_chart(self.context, compared, stream, self.vectors)
            case ChartKind.ESTIMATED_ACCURACY:
                for level in self.levels:
                    cases = self.given.watched.at(level.of(self.given.watched))
                    for method in METHODS:
                        of_method = (chart, method, level.axis, level.name)
                        yield accuracy_chart(
                            self.context, cases, self.calendar, of_method, self.reference
                        )
            case ChartKind.CALIBRATION:
                yield from self._calibration()

    def _rates(self, streams: Iterator[RateStream]) -> Iterator[ChartAnswer]:
        for stream in streams:
            key = stream.stream[1]
            if key == FALL and self.plan.baseline is None and not self._has_rate(stream):
                continue  # a plan that was written by hand need not ask for it
            yield rate_chart(self.context, stream, self.results)

    def _has_rate(self, given: RateStream) -> bool:
        return self.plan.rate_of(*given.stream) is not None

    def _compared(self, level: Level) -> Compared:
        watched, baseline = self.given.watched, self.baseline
        if baseline is not None:
            held = level.of(baseline)
            baseline = baseline.at(held)
        return Compared(baseline, watched.at(level.of(watched)), self.calendar, self.results)

    def _input(self) -> Iterator[ChartAnswer]:
        for level in self.levels:
            compared = self._compared(level)
            for column in self.plan.drift.columns:
                if column != level.axis:
                    stream = (ChartKind.INPUT_DRIFT, column, level.axis, level.name)
                    yield input_chart(self.context, compared, stream)

    def _under_calls(self) -> Iterator[ChartAnswer]:
        found = missed_positives(self.given.decisions, self.given.labelled, self.given.start)
        for level in self.levels:
            stream = (ChartKind.UNDER_CALL_ON_ABSTAINED, "", level.axis, level.name)
            part = found.at(level.of_cases(self.given.watched, found.case))
            yield under_call_chart(self.context, part, self.calendar, stream)

    def _calibration(self) -> Iterator[ChartAnswer]:
        labelled = self.given.labelled
        watched = (labelled.time >= self.given.start) & (len(self.given.watched) > 0)
        for level in self.levels:
            stream = (ChartKind.CALIBRATION, "", level.axis, level.name)
            held = level.of_cases(self.given.watched, labelled.case) & watched
            places = np.flatnonzero(held).astype(np.int64)
            yield calibration_chart(self.context, labelled, places, self.calendar, stream)


def _calendar(plan: MonitoringPlan, given: Monitored) -> Calendar:
    """Windows from the day of the start on, to that of the last case, decision or label."""
    first = given.start if plan.start is None else microseconds(plan.start)
    last = [int(times[-1]) for times in _times(given) if len(times)]
    day = first // DAY
    return Calendar(day, max([day, *(one // DAY for one in last)]), plan.gap_days)


def _times(given: Monitored) -> tuple[Ints, ...]:
    return given.watched.time, given.labelled.time, given.decisions.time
