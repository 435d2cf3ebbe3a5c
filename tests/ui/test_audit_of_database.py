"""An audit of a case database as the pages run it, without Streamlit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ui.make_labelled import CASES_A_TYPE, WRONG_ON, fill_labelled, write_labelled_plan
from triage.accounts import Actor, Role
from triage.accounts.permissions import PermissionDenied
from triage.auditing.cell_cases import failing_cases
from triage.store import open_store
from triage.vocabulary.verdicts import Verdict
from ui.audit_cases_page import cell_cases, read_cases
from ui.audit_folder import audits_in, folder_of_run
from ui.audit_runs import run_on_database
from ui.audit_tables import DATABASE_FACT
from ui.serving.audit_routes import SERVED_FILES

GUS = Actor("Gus", Role.GOVERNANCE)


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRIAGE_DATABASE_URL", fill_labelled(tmp_path))
    (tmp_path / "audits").mkdir()
    return write_labelled_plan(tmp_path / "audits")


def test_the_cases_of_a_failing_cell_are_its_errors(plan: Path) -> None:
    stages: list[str] = []
    out = folder_of_run(plan)
    run_on_database(plan, out, GUS, lambda stage, *_: stages.append(stage))
    assert stages
    assert SERVED_FILES.keys() <= {path.name for path in out.iterdir()}
    (audit,) = audits_in(plan.parent)
    assert audit.report is not None
    found = {one.level: one for one in audit.report.findings if one.axis == "skin_type"}
    assert found["II"].verdict is Verdict.MEETS
    assert found[WRONG_ON].verdict is Verdict.FAILS
    store = open_store()
    table = read_cases(audit.report.plan, store)
    store.close()
    assert table.facts[DATABASE_FACT] == audit.report.facts[DATABASE_FACT]
    places = failing_cases(table, audit.report.plan, "skin_type", WRONG_ON, "accuracy")
    cases = cell_cases(table, places)
    assert len(cases) == CASES_A_TYPE // 2
    assert len({one.case_id for one in cases}) == len(cases)
    assert all(one.truth.split(" · ")[0] != one.said.split(" · ")[0] for one in cases)


def test_who_may_not_audit_is_refused(plan: Path) -> None:
    out = folder_of_run(plan)
    with pytest.raises(PermissionDenied):
        run_on_database(plan, out, Actor("Eve", Role.ENGINEER), lambda *_: None)
    assert not out.exists()
