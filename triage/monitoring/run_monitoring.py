"""A run of monitoring: the charts of a plan, its alarms, and the row that says so.

The result is a function of the database, with the runs and alarms in it, and of the plan. A run
that is repeated raises nothing again; of two runs at once the second judges anew what the first has
stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from triage import __version__
from triage.accounts import SYSTEM_ACTOR, Action, Actor
from triage.accounts.store_permission import require_for
from triage.atomic_write import whole_file
from triage.engine import ResultFolder
from triage.errors import StoreError, UsageError
from triage.monitoring.alarm_rows import alarm_summary
from triage.monitoring.alarms import NewAlarm, add_monitoring_run, raise_alarms
from triage.monitoring.build_charts import Monitored, build_charts, read_monitored
from triage.monitoring.bundle_reference import BundleReference, load_bundle_reference
from triage.monitoring.case_stream import EarlierRun, end_of_day, moment_of, read_arrivals
from triage.monitoring.monitoring_plan import MonitoringPlan
from triage.monitoring.monitoring_result import ChartSeries, MonitoringResult
from triage.monitoring.planned_bundle import Planned, planned
from triage.monitoring.run_folder_state import (
    present_state,
    read_state,
    restored_note,
    set_aside,
    write_state,
)
from triage.monitoring.run_notes import run_notes
from triage.monitoring.stream_context import ChartAnswer, ChartContext, StoredAlarm, Stream
from triage.progress import Progress
from triage.store import Store
from triage.store.monitoring_tables import AlarmRow, MonitoringPlanRow, MonitoringRunRow
from triage.store.tables import Event
from triage.vocabulary.monitoring import AlarmState, ChartKind, ChartVerdict

RESULT_FILE = "monitoring.json"
PARTS = "parts"
STORED_DAYS = 92
"""Days before the last case whose points the row of a run keeps; the folder has all of them."""
_TRIES = 5


@dataclass(frozen=True)
class MonitoringRun:
    """A finished run.

    Parameters
    ----------
    result : MonitoringResult
    new_alarms : tuple of int
        That this run has raised.
    restored : str
        How the database differs from that of the last run in the folder; '' where it does not.
    """

    result: MonitoringResult
    new_alarms: tuple[int, ...]
    restored: str

    @property
    def open_alarms(self) -> int:
        """Alarms of the plan that are not closed."""
        return sum(one.state is not AlarmState.CLOSED for one in self.result.alarms)

    @property
    def says_nothing(self) -> bool:
        """Whether no chart has enough evidence."""
        silent = (ChartVerdict.NOT_ENOUGH, ChartVerdict.NOT_AVAILABLE)
        return all(one.verdict in silent for one in self.result.charts)


def run_monitoring(
    store: Store,
    out: str | Path,
    *,
    plan: Path | None = None,
    since: date | None = None,
    reference: Path | None = None,
    actor: Actor = SYSTEM_ACTOR,
    progress: Progress = lambda *_: None,
) -> MonitoringRun:
    """Watch the cases of the bundle in use, store the run and raise its alarms.

    Parameters
    ----------
    store : Store
    out : str or Path
        Folder of `monitoring.json`, the answers of finished windows, and what is remembered of the
        database.
    plan : Path, optional
        A plan to store and go by; else the stored one of the bundle in use.
    since : date, optional
        Points of earlier UTC days are left out of the result. The sums are computed from the
        first case on all the same.
    reference : Path, optional
        What accuracy without labels is estimated from.
    actor : Actor
    progress : callable

    Raises
    ------
    PermissionDenied
        If the actor may not.
    UsageError, SpecError
        If there is no bundle in use, no plan, or a file is not right.
    StoreError
        If the database refuses, or other runs are always faster.
    """
    require_for(store, actor, Action.MONITOR)
    out = Path(out)
    going_by = planned(store, plan, actor.name)
    of_bundle = (
        None if reference is None else load_bundle_reference(reference, going_by.plan.bundle)
    )
    _make(out)
    before = read_state(out)
    with store.reading() as session:
        restored = restored_note(session, before)
    for _ in range(_TRIES):
        found = _judged(store, going_by, out, of_bundle, progress)
        kept = store.write(partial(_store, going_by=going_by, found=found, actor=actor.name))
        if kept is not None:
            break
    else:
        raise StoreError(
            "Other runs of monitoring were always faster.", hint="Let one of them run alone."
        )
    with store.reading() as session:
        result = _result(session, going_by, found, since, restored)
        state = present_state(session, going_by.sha256)
    if restored and before is not None:
        set_aside(out, RESULT_FILE, before)
    with whole_file(out / RESULT_FILE) as place:
        place.write_text(result.model_dump_json(indent=1) + "\n", encoding="utf-8")
    write_state(out, state)
    return MonitoringRun(result, tuple(kept), restored)


@dataclass(frozen=True)
class _Judged:
    """Charts, and what of the database they rest on."""

    answers: list[ChartAnswer]
    given: Monitored
    last_run: int
    last_event: int
    notes: tuple[str, ...]

    @property
    def until(self) -> datetime | None:
        times = self.given.every.time
        return moment_of(int(times[-1])) if len(times) else None

    @property
    def alarms(self) -> list[NewAlarm]:
        """The alarms to raise, in the order of their crossings."""
        found = [one for answer in self.answers for one in answer.alarms]
        return sorted(found, key=lambda one: one.crossed_at)


def _judged(
    store: Store,
    going_by: Planned,
    out: Path,
    reference: BundleReference | None,
    progress: Progress,
) -> _Judged:
    with store.reading() as session:
        if session.get_bind().dialect.name == "postgresql":
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        last_run = _last_run(session, going_by.row)
        last_event = session.scalar(select(func.max(Event.id)).where(Event.case_id.is_not(None)))
        runs = [*planned_at(going_by.plan), *_earlier_runs(session, going_by.row)]
        every = read_arrivals(session, going_by.bundle, going_by.plan, runs, progress)
        given = read_monitored(session, going_by.plan, going_by.bundle, every)
        context = ChartContext(going_by.plan, _stored_alarms(session, going_by.row))
        answers = build_charts(
            session,
            context,
            going_by.bundle,
            given,
            reference=reference,
            results=ResultFolder(out / PARTS),
            progress=progress,
        )
    notes = run_notes(going_by, given, [one.series for one in answers])
    return _Judged(answers, given, last_run, last_event or 0, notes)


def _store(session: Session, going_by: Planned, found: _Judged, actor: str) -> list[int] | None:
    """Store the run and its new alarms; None where another run was stored meanwhile."""
    # Runs of one plan wait for each other here; SQLite lets one writer in at a time.
    session.get_one(MonitoringPlanRow, going_by.row, with_for_update=True)
    if _last_run(session, going_by.row) != found.last_run:
        return None
    result = _compact(found, going_by)
    content = result.model_dump(mode="json", exclude_defaults=True)
    run = _same_as_last(session, found.last_run, content)
    if run is None:
        run = add_monitoring_run(
            session,
            going_by.row,
            content,
            last_event=found.last_event,
            n_cases=result.n_cases,
            since=result.since,
            until=result.until,
            actor=actor,
        )
    return raise_alarms(session, run, found.alarms, actor=actor)


def _same_as_last(session: Session, last: int, content: dict[str, object]) -> int | None:
    """The last run, where a new one would say the same."""
    row = session.get(MonitoringRunRow, last) if last else None
    if row is None:
        return None
    told = {name: value for name, value in row.result.items() if name != "last_event"}
    new = {name: value for name, value in content.items() if name != "last_event"}
    return last if told == new else None


def _compact(found: _Judged, going_by: Planned) -> MonitoringResult:
    """The result as its row keeps it: points of the last months, no alarms, which have own rows."""
    until = found.until
    first = None if until is None else (until - timedelta(days=STORED_DAYS)).date()
    return _plain(found, going_by, first)


def _plain(found: _Judged, going_by: Planned, since: date | None) -> MonitoringResult:
    watched = found.given.watched.time
    return MonitoringResult(
        version=__version__,
        plan_sha256=going_by.sha256,
        bundle=going_by.plan.bundle,
        since=moment_of(int(watched[0])) if len(watched) else None,
        until=found.until,
        n_cases=len(watched),
        last_event=found.last_event,
        charts=tuple(_since(one.series, since) for one in found.answers),
        notes=found.notes,
    )


def _since(series: ChartSeries, since: date | None) -> ChartSeries:
    if since is None:
        return series
    begin = _begin(since)
    points = tuple(point for point in series.points if point.at > begin)
    return series.model_copy(update={"points": points})


def _begin(day: date) -> datetime:
    return end_of_day((day - date(1970, 1, 1)).days) - timedelta(days=1)


def _result(
    session: Session, going_by: Planned, found: _Judged, since: date | None, restored: str
) -> MonitoringResult:
    rows = session.scalars(
        select(AlarmRow)
        .where(AlarmRow.plan_id == going_by.row)
        .order_by(AlarmRow.crossed_at, AlarmRow.id)
    )
    plain = _plain(found, going_by, since)
    return plain.model_copy(
        update={
            "alarms": tuple(alarm_summary(row) for row in rows),
            "notes": (*([restored] if restored else []), *plain.notes),
        }
    )


def planned_at(plan: MonitoringPlan) -> list[EarlierRun]:
    """Return the making of a plan as a run: cases that came later and are older count at its start.

    Else a case that was received before the start, and stored after the baseline was read, would
    be neither in the baseline nor watched.
    """
    if plan.baseline is None or plan.start is None:
        return []
    return [EarlierRun(plan.baseline.stored_until, plan.start)]


def _last_run(session: Session, plan: int) -> int:
    number = select(func.max(MonitoringRunRow.id)).where(MonitoringRunRow.plan_id == plan)
    return session.scalar(number) or 0


def _earlier_runs(session: Session, plan: int) -> list[EarlierRun]:
    query = select(MonitoringRunRow.at, MonitoringRunRow.until).where(
        MonitoringRunRow.plan_id == plan, MonitoringRunRow.until.is_not(None)
    )
    return [EarlierRun(at, until) for at, until in session.execute(query) if until is not None]


def _stored_alarms(session: Session, plan: int) -> dict[Stream, Sequence[StoredAlarm]]:
    rows = session.scalars(
        select(AlarmRow).where(AlarmRow.plan_id == plan).order_by(AlarmRow.crossed_at, AlarmRow.id)
    )
    found: dict[Stream, list[StoredAlarm]] = {}
    for row in rows:
        stream = (ChartKind(row.chart), row.key, row.axis, row.level)
        found.setdefault(stream, []).append(StoredAlarm(row.crossed_at, row.case_id, row.closed_at))
    return dict(found)


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the folder cannot be made ({error.strerror})", where=str(out), hint="Name another."
        ) from error
