"""Metrics for Prometheus: what waits, what is decided, what watches; nothing that names anybody.

Labels are fixed words: modality, class of urgency, reason of abstention, kind of chart, and the
first digits of the champion's digest. There is no label with a case, a patient, a person, a site or
a condition. Points of time are in seconds since 1970, as Prometheus recommends; their age is
``time() - metric``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from triage import __version__
from triage.errors import LedgerError, StoreError
from triage.ledger.checkpoints import read_checkpoints
from triage.monitoring.database_readiness import (
    DatabaseReadiness,
    Standing,
    readiness_at,
    readiness_of,
)
from triage.monitoring.operating_counts import OperatingCounts, operating_counts
from triage.store import Store, open_store

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric
    from prometheus_client.registry import CollectorRegistry

_DIGITS = 12
"""Of the champion's digest: enough to tell bundles apart."""


class OperatingMetrics:
    """Collector of a registry of `prometheus_client`.

    A database that does not answer is a metric, no error. Cases are counted at most every `refresh`
    seconds, however often and by however many the metrics are asked for.

    Parameters
    ----------
    url : str, optional
        As for `triage.store.open_store`.
    checkpoints : Path, optional
        File of the ledger's checkpoints.
    refresh : float
        Seconds.
    clock : callable
        Returns seconds; for tests.
    """

    def __init__(
        self,
        url: str | None,
        *,
        checkpoints: Path | None = None,
        refresh: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url, self._checkpoints = url, checkpoints
        self._refresh, self._clock = refresh, clock
        self._store: Store | None = None
        self._found: tuple[DatabaseReadiness, OperatingCounts | None] | None = None
        self._until = 0.0
        self._lock = Lock()

    def registry(self) -> CollectorRegistry:
        """Return a registry with these metrics alone."""
        from prometheus_client.registry import CollectorRegistry

        registry = CollectorRegistry()
        registry.register(self)
        return registry

    def describe(self) -> Iterable[Metric]:
        """Return nothing, so that registering does not ask the database."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Return the metrics as they are now."""
        with self._lock:  # each request has a thread of its own
            if self._found is None or self._clock() >= self._until:
                self._found = self._look()
                self._until = self._clock() + self._refresh
            readiness, counts = self._found
        yield _gauge("triage_build", "Version of the software.", 1, version=__version__)
        yield from _of_readiness(readiness)
        if counts is not None:
            yield from _of_counts(counts)
        if self._checkpoints is not None:
            yield from _of_checkpoints(self._checkpoints)

    def close(self) -> None:
        """Close the connections to the database."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _look(self) -> tuple[DatabaseReadiness, OperatingCounts | None]:
        try:
            if self._store is None:
                self._store = open_store(self._url)
            readiness = readiness_of(self._store)
            if readiness.has_database:
                with self._store.reading() as session:
                    return readiness, operating_counts(session)
        except StoreError:
            readiness = DatabaseReadiness(Standing.UNREACHABLE)
            with suppress(StoreError):  # which of its parts is at fault
                readiness = readiness_at(self._url)
        self.close()  # a database that comes back may be another one
        return readiness, None


def _gauge(name: str, text: str, value: float | None = None, **labels: str) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    metric = GaugeMetricFamily(name, text, labels=list(labels))
    if value is not None:
        metric.add_metric(list(labels.values()), value)
    return metric


def _of_readiness(found: DatabaseReadiness) -> Iterator[Metric]:
    yield _gauge(
        "triage_database_up",
        "Whether the case database answers (1 or 0).",
        found.database is Standing.OK,
    )
    yield _gauge(
        "triage_tables_current",
        "Whether the tables are those of this release.",
        found.tables is Standing.OK,
    )
    yield _gauge(
        "triage_champion_present",
        "Whether there is a bundle in use whose files are seen here.",
        found.champion is Standing.OK,
    )


def _of_counts(counts: OperatingCounts) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    received = CounterMetricFamily(
        "triage_cases_received", "Cases ever received.", labels=["modality"]
    )
    for modality, count in counts.received.items():
        received.add_metric([modality], count)
    waiting = GaugeMetricFamily(
        "triage_cases_waiting",
        "Cases that wait for a decision, by class of urgency.",
        labels=["urgency", "modality"],
    )
    for (urgency, kind), count in counts.waiting.items():
        waiting.add_metric([urgency, kind], count)
    abstained = GaugeMetricFamily(
        "triage_cases_abstained",
        "Cases on which the bundle in use abstained, by reason.",
        labels=["reason"],
    )
    for reason, count in counts.abstained.items():
        abstained.add_metric([reason], count)
    alarms = GaugeMetricFamily(
        "triage_alarms", "Alarms of monitoring that are not closed.", labels=["chart", "state"]
    )
    for (chart, state), count in counts.alarms.items():
        alarms.add_metric([chart, state], count)
    events = CounterMetricFamily("triage_ledger_events", "Events of the ledger.", counts.events)
    yield from (received, waiting, abstained, alarms, events)
    yield _gauge("triage_cases_scored", "Cases that the bundle in use has scored.", counts.scored)
    if counts.champion is not None:
        yield _gauge(
            "triage_champion",
            "The bundle in use, by the first digits of its digest.",
            1,
            digest=counts.champion[:_DIGITS],
        )
    yield _time("triage_last_event", "When the last event was written.", counts.last_event)
    yield _time("triage_last_monitoring", "When monitoring ran last.", counts.last_monitoring)


def _of_checkpoints(path: Path) -> Iterator[Metric]:
    try:
        last = max(read_checkpoints(path).checkpoints, key=lambda one: one.seq, default=None)
    except LedgerError:
        last = None
    at = None if last is None else datetime.fromisoformat(last.at)
    yield _time("triage_last_checkpoint", "When the last checkpoint was signed.", at)
    yield _gauge(
        "triage_checkpoint_events",
        "Events that the last checkpoint covers.",
        0 if last is None else last.seq,
    )


def _time(name: str, text: str, at: datetime | None) -> Metric:
    """A point of time in seconds since 1970; without a sample where there is none."""
    moment = None if at is None else at.replace(tzinfo=at.tzinfo or UTC).timestamp()
    return _gauge(f"{name}_timestamp_seconds", text, moment)
