"""Rows of monitoring that were altered by plain SQL do not follow from their events."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from tests.monitoring.plans import OOD, plan, rate
from tests.store.altered_rows import altered_copy, findings, kinds_without_an_event
from tests.store.make import NOON, abstention, bundle, case
from tests.store.migrated import migrated_url
from triage.ledger.events import monitoring_events
from triage.monitoring.alarms import NewAlarm, assign_alarm, close_alarm, raise_alarms
from triage.monitoring.plan_file import write_monitoring_plan
from triage.monitoring.run_monitoring import run_monitoring
from triage.store import (
    add_case,
    add_prediction,
    check_store,
    open_store,
    register_bundle,
    set_first_champion,
)
from triage.store.fact_checks.monitoring import monitoring_findings
from triage.vocabulary.monitoring import ClosingReason


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in which each kind of row of monitoring was written by the software."""
    folder = tmp_path_factory.mktemp("altered")
    with migrated_url("sqlite", folder) as url:
        store = open_store(url)
    with store.transaction() as session:
        number = register_bundle(session, bundle())
        set_first_champion(session, number)
        for name in ("a", "b", "c"):
            add_prediction(session, add_case(session, case(name)), number, abstention())
    for seed in (1, 2):
        given = plan(seed=seed, min_cases=1, rates=(rate(p0=0.01, p1=0.3),))
        write_monitoring_plan(given, folder / "plan.yaml")
        run_monitoring(store, folder / "out", plan=folder / "plan.yaml")
    with store.transaction() as session:
        new = NewAlarm(OOD, "", "site", "north", NOON, None, {"value": 0.5})
        assert raise_alarms(session, 1, [new], actor="system") == [3]
        assign_alarm(session, 1, "Gus", actor="Gus")
        assign_alarm(session, 2, "Rhea", actor="Gus")
        close_alarm(session, 1, ClosingReason.FALSE_ALARM, "Looked at 20 cases.", actor="Gus")
    store.close()
    return folder / "triage.db"


def test_what_the_software_wrote_follows_from_its_events(filled: Path) -> None:
    assert findings(filled) == []
    assert check_store(f"sqlite:///{filled}").problems == ()
    assert kinds_without_an_event(filled, monitoring_events) == set()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE monitoring_plan SET plan = json_set(plan, '$.false_alarm', 0.5) WHERE id = 1",
        "UPDATE monitoring_plan SET sha256 = 'x' WHERE id = 1",
        "UPDATE monitoring_plan SET set_by = 'Eve' WHERE id = 1",
        "UPDATE monitoring_plan SET bundle_id = 77 WHERE id = 1",
        "DELETE FROM monitoring_plan WHERE id = 2",
        "UPDATE monitoring_run SET plan_id = 2 WHERE id = 1",
        "UPDATE monitoring_run SET last_event = 1 WHERE id = 1",
        "UPDATE monitoring_run SET n_cases = 100 WHERE id = 1",
        "UPDATE monitoring_run SET run_by = 'Eve' WHERE id = 1",
        "UPDATE monitoring_run SET since = NULL WHERE id = 1",
        "UPDATE monitoring_run SET until = '2024-01-01 00:00:00' WHERE id = 1",
        "UPDATE monitoring_run SET result = json_set(result, '$.n_cases', 4) WHERE id = 1",
        "DELETE FROM monitoring_run WHERE id = 2",
        "UPDATE alarm SET facts = json_set(facts, '$.limit', 1) WHERE id = 1",
        "UPDATE alarm SET case_id = 1 WHERE id = 3",
        "UPDATE alarm SET crossed_at = '2024-01-01 00:00:00' WHERE id = 2",
        "UPDATE alarm SET chart = 'override_rate' WHERE id = 2",
        "UPDATE alarm SET key = 'A4' WHERE id = 2",
        "UPDATE alarm SET axis = 'eye' WHERE id = 3",
        "UPDATE alarm SET level = 'south' WHERE id = 3",
        "UPDATE alarm SET run_id = 1 WHERE id = 2",
        "UPDATE alarm SET plan_id = 2 WHERE id = 3",
        "UPDATE alarm SET owner = 'Eve' WHERE id = 1",
        "UPDATE alarm SET owner = 'Eve' WHERE id = 2",
        "UPDATE alarm SET state = 'open' WHERE id = 2",
        "UPDATE alarm SET state = 'assigned', owner = 'Gus' WHERE id = 3",
        "UPDATE alarm SET state = 'closed', closing_reason = 'duplicate' WHERE id = 2",
        "UPDATE alarm SET state = 'assigned', closing_reason = NULL WHERE id = 1",
        "UPDATE alarm SET closing_reason = 'duplicate' WHERE id = 1",
        "UPDATE alarm SET comment = 'Nothing.' WHERE id = 1",
        "UPDATE alarm SET comment = NULL WHERE id = 1",
        "UPDATE alarm SET raised_at = '2024-01-01 00:00:00' WHERE id = 1",
        "UPDATE alarm SET closed_at = NULL WHERE id = 1",
        "UPDATE alarm SET closed_at = '2099-01-01 00:00:00' WHERE id = 1",
        "DELETE FROM alarm WHERE id = 3",
        "INSERT INTO alarm SELECT 9, run_id, plan_id, chart, 'A5', axis, level, case_id, "
        "crossed_at, facts, state, owner, closing_reason, comment, raised_at, closed_at "
        "FROM alarm WHERE id = 3",
    ],
)
def test_a_row_that_was_altered_or_deleted_is_found(
    filled: Path, tmp_path: Path, statement: str
) -> None:
    copy = altered_copy(statement, filled, tmp_path / "altered.db")
    engine = create_engine(f"sqlite:///{copy}")
    with Session(engine) as session:
        assert monitoring_findings(session) != []
    engine.dispose()
