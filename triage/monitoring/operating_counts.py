"""Counts of what passes through a case database, for metrics: no case, patient, person or site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from triage.store.monitoring_tables import AlarmRow, MonitoringRunRow
from triage.store.tables import Bundle, Case, Event, Prediction
from triage.store.worklist_order import is_waiting
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.bundle_aliases import CHAMPION
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.modality import Modality
from triage.vocabulary.monitoring import AlarmState, ChartKind

_CLASSES = {urgency.rank: urgency for urgency in Urgency}


@dataclass(frozen=True, slots=True)
class OperatingCounts:
    """What passes through a case database; every count over all sites.

    A count of one site's few cases could point at a person, so there is none by site, subgroup or
    condition.

    Parameters
    ----------
    received : mapping
        Cases ever received, by modality.
    waiting : mapping
        Cases that wait for a decision, by urgency class and modality.
    scored : int
        Cases with a prediction of the champion; 0 without one.
    abstained : mapping
        Of those, cases on which it abstained, by reason.
    alarms : mapping
        Alarms of monitoring that are not closed, by chart and state.
    champion : str or None
        Digest of the bundle in use.
    events : int
        Number of the ledger's last event.
    last_event, last_monitoring : datetime or None
        When the last event was written, and monitoring ran last.
    """

    received: Mapping[Modality, int]
    waiting: Mapping[tuple[Urgency, Modality], int]
    scored: int
    abstained: Mapping[AbstainReason, int]
    alarms: Mapping[tuple[ChartKind, AlarmState], int]
    champion: str | None
    events: int
    last_event: datetime | None
    last_monitoring: datetime | None


def operating_counts(session: Session) -> OperatingCounts:
    """Count what passes through a case database; each combination that can occur has its number.

    The time grows with the number of cases: they are counted, not kept as a sum.
    """
    received = dict.fromkeys(Modality, 0)
    for modality, count in session.execute(
        select(Case.modality, func.count()).group_by(Case.modality)
    ):
        received[Modality(modality)] = count
    champion = session.execute(
        select(Bundle.id, Bundle.digest).where(Bundle.alias == CHAMPION)
    ).one_or_none()
    scored, abstained = _of_bundle(session, None if champion is None else champion.id)
    last = session.execute(
        select(Event.id, Event.at).order_by(Event.id.desc()).limit(1)
    ).one_or_none()
    return OperatingCounts(
        received,
        _waiting(session),
        scored,
        abstained,
        _alarms(session),
        None if champion is None else champion.digest,
        0 if last is None else last.id,
        None if last is None else last.at,
        session.scalar(select(func.max(MonitoringRunRow.at))),
    )


def _waiting(session: Session) -> dict[tuple[Urgency, Modality], int]:
    counts = {(urgency, modality): 0 for urgency in Urgency for modality in Modality}
    query = (
        select(Case.queue_rank, Case.modality, func.count())
        .where(is_waiting())
        .group_by(Case.queue_rank, Case.modality)
    )
    for rank, modality, count in session.execute(query):
        counts[_CLASSES[rank], Modality(modality)] = count
    return counts


def _of_bundle(session: Session, bundle: int | None) -> tuple[int, dict[AbstainReason, int]]:
    counts = dict.fromkeys(AbstainReason, 0)
    if bundle is None:
        return 0, counts
    query = (
        select(Prediction.reason_code, func.count())
        .where(Prediction.bundle_id == bundle)
        .group_by(Prediction.reason_code)
    )
    scored = 0
    for reason, count in session.execute(query):
        scored += count
        if reason is not None:
            counts[AbstainReason(reason)] = count
    return scored, counts


def _alarms(session: Session) -> dict[tuple[ChartKind, AlarmState], int]:
    states = (AlarmState.OPEN, AlarmState.ASSIGNED)
    counts = {(chart, state): 0 for chart in ChartKind for state in states}
    query = (
        select(AlarmRow.chart, AlarmRow.state, func.count())
        .where(AlarmRow.state.in_(states))
        .group_by(AlarmRow.chart, AlarmRow.state)
    )
    for chart, state, count in session.execute(query):
        counts[ChartKind(chart), AlarmState(state)] = count
    return counts
