"""Metrics as Prometheus reads them: right numbers, and no word of anybody."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.store.make import NOON, abstention, bundle, case, opinion, scored
from triage.ledger.keys import make_key
from triage.monitoring.alarms import (
    NewAlarm,
    add_monitoring_run,
    assign_alarm,
    close_alarm,
    raise_alarms,
    set_monitoring_plan,
)
from triage.monitoring.operating_metrics import OperatingMetrics
from triage.store import (
    Store,
    add_case,
    append_checkpoint,
    events,
    open_store,
    register_bundle,
    set_champion,
)
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.modality import Modality
from triage.vocabulary.monitoring import ChartKind, ClosingReason

prometheus_client = pytest.importorskip("prometheus_client")

DIGEST = "d" * 64


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'cases.db'}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url, create=True)
    yield opened
    opened.close()


def scraped(
    metrics: OperatingMetrics,
) -> tuple[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]]:
    """The text of one scrape, and its samples as the parser of Prometheus's text reads them."""
    from prometheus_client.parser import text_string_to_metric_families

    shown = prometheus_client.generate_latest(metrics.registry()).decode()
    found = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(shown)
        for sample in family.samples
    }
    return shown, found


def seed(store: Store) -> None:
    """Cases of two kinds and classes, abstentions for two reasons, alarms in each state."""
    for number in range(4):
        scored(store, f"CANARY-case-{number}", opinion(Urgency.ROUTINE), source="CANARY-site")
    for number, reason in enumerate((AbstainReason.UNFAMILIAR,) * 2 + (AbstainReason.QUALITY,)):
        scored(store, f"CANARY-abstained-{number}", abstention(reason), source="CANARY-site")
    with store.transaction() as session:
        for number in range(2):
            add_case(session, case(f"CANARY-scan-{number}", modality=Modality.OCT_VOLUMES))
        first = register_bundle(session, bundle())
        set_champion(session, first)
        plan = set_monitoring_plan(session, first, {"a": 1}, actor="CANARY-engineer")
        run = add_monitoring_run(
            session, plan, {}, last_event=1, n_cases=7, since=None, actor="CANARY-engineer"
        )
        alarms = [
            NewAlarm(chart, "CANARY-key", "site", "CANARY-site", NOON, None, {"CANARY": 1})
            for chart in (ChartKind.OOD_RATE, ChartKind.OOD_RATE, ChartKind.INPUT_DRIFT)
        ]
        alarms[1] = NewAlarm(ChartKind.OOD_RATE, "", "all", "", NOON, None, {})
        numbers = raise_alarms(session, run, alarms, actor="CANARY-engineer")
        assign_alarm(session, numbers[0], "CANARY-owner", actor="CANARY-owner")
        assign_alarm(session, numbers[2], "CANARY-owner", actor="CANARY-owner")
        close_alarm(session, numbers[2], ClosingReason.FALSE_ALARM, "CANARY", actor="CANARY-owner")


def test_numbers_are_those_of_the_database(store: Store, url: str) -> None:
    seed(store)
    metrics = OperatingMetrics(url)
    _, found = scraped(metrics)
    metrics.close()

    def of(name: str, **labels: str) -> float:
        return found[name, tuple(sorted(labels.items()))]

    assert of("triage_database_up") == of("triage_tables_current") == 1
    assert of("triage_champion_present") == 0, "its folder is not on this computer"
    assert of("triage_champion", digest=DIGEST[:12]) == 1
    assert of("triage_cases_received_total", modality="photographs") == 7
    assert of("triage_cases_received_total", modality="oct_volumes") == 2
    assert of("triage_cases_waiting", urgency="routine", modality="photographs") == 4
    assert of("triage_cases_waiting", urgency="semi_urgent", modality="photographs") == 3
    # Not scored yet: they wait like abstained ones.
    assert of("triage_cases_waiting", urgency="semi_urgent", modality="oct_volumes") == 2
    assert of("triage_cases_scored") == 7
    assert of("triage_cases_abstained", reason="A4") == 2
    assert of("triage_cases_abstained", reason="A2") == 1
    assert of("triage_alarms", chart="ood_rate", state="assigned") == 1
    assert of("triage_alarms", chart="ood_rate", state="open") == 1
    with store.reading() as session:
        log = events(session)
    assert of("triage_ledger_events_total") == len(log)
    assert of("triage_last_event_timestamp_seconds") == pytest.approx(
        log[-1].at.timestamp(), abs=1e-3
    )
    now = datetime.now(UTC).timestamp()
    assert now - 60 < of("triage_last_monitoring_timestamp_seconds") <= now
    # Every class, reason and chart has its number, so that none appears only when it is needed.
    series = Counter(name for name, _ in found)
    assert series["triage_cases_waiting"] == len(Urgency) * len(Modality)
    assert series["triage_cases_abstained"] == len(AbstainReason)
    assert series["triage_alarms"] == 2 * len(ChartKind)
    closed = sum(value for (name, _), value in found.items() if name == "triage_alarms")
    assert closed == 2, "closed alarms are none"


def test_nothing_names_a_case_a_person_a_site_or_a_condition(store: Store, url: str) -> None:
    """Every text that the database holds is looked for, but for the words of labels."""
    seed(store)
    metrics = OperatingMetrics(url)
    shown, found = scraped(metrics)
    metrics.close()
    assert "CANARY" not in shown
    assert not re.search(r"melanoma|acne|folliculitis|clinic\b", shown)
    assert DIGEST[:13] not in shown
    fixed = {*Urgency, *Modality, *AbstainReason, *ChartKind, "open", "assigned", DIGEST[:12]}
    labels = {value for _, pairs in found for name, value in pairs if name != "version"}
    assert labels <= {str(word) for word in fixed}


def test_before_the_first_case(store: Store, url: str) -> None:
    metrics = OperatingMetrics(url)
    _, found = scraped(metrics)
    metrics.close()
    names = {name for name, _ in found}
    assert found["triage_cases_scored", ()] == 0
    assert sum(value for (name, _), value in found.items() if "received" in name) == 0
    assert "triage_champion" not in names
    assert "triage_last_monitoring_timestamp_seconds" not in names


def test_a_database_that_goes_and_comes_back(tmp_path: Path, url: str) -> None:
    now = [0.0]
    metrics = OperatingMetrics(url, refresh=60.0, clock=lambda: now[0])
    _, found = scraped(metrics)
    assert found["triage_database_up", ()] == 0
    assert not [name for name, _ in found if "cases" in name]
    opened = open_store(url, create=True)
    scored(opened, "c1")
    _, found = scraped(metrics)
    assert found["triage_database_up", ()] == 0, "not asked again yet"
    now[0] = 61.0
    assert scraped(metrics)[1]["triage_cases_scored", ()] == 0, "there is no champion"
    _, found = scraped(metrics)
    assert found["triage_cases_received_total", (("modality", "photographs"),)] == 1
    scored(opened, "c2")
    assert scraped(metrics)[1] == found
    now[0] = 122.0
    _, found = scraped(metrics)
    assert found["triage_cases_received_total", (("modality", "photographs"),)] == 2
    with opened.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    now[0] = 200.0
    _, found = scraped(metrics)
    assert (found["triage_database_up", ()], found["triage_tables_current", ()]) == (1, 0)
    assert not [name for name, _ in found if "cases" in name]
    metrics.close()
    opened.close()


def test_the_last_checkpoint(store: Store, url: str, tmp_path: Path) -> None:
    out = tmp_path / "checkpoints.jsonl"
    metrics = OperatingMetrics(url, checkpoints=out)
    _, found = scraped(metrics)
    assert found["triage_checkpoint_events", ()] == 0
    assert ("triage_last_checkpoint_timestamp_seconds", ()) not in found
    scored(store, "c1")
    signed = append_checkpoint(url, make_key(tmp_path / "ledger.key"), out).appended
    assert signed is not None
    _, found = scraped(metrics)
    metrics.close()
    assert found["triage_checkpoint_events", ()] == signed.seq
    at = datetime.fromisoformat(signed.at).timestamp()
    assert found["triage_last_checkpoint_timestamp_seconds", ()] == pytest.approx(at, abs=1e-3)
