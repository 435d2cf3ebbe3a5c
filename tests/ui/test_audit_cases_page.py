from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from tests.ui.conftest import APP, TOKEN, Pages, everything, shown
from tests.ui.make_accounts import session_for
from tests.ui.make_audits import finding, plan, report, write_audit
from triage.auditing.audit_table import OUTLIER, AuditTable, LevelCodes
from triage.auditing.measurement import ALL, OVERALL
from triage.store import open_store
from triage.vocabulary.verdicts import Verdict
from ui import audit_cases_page
from ui.audit_cases_page import cell_cases
from ui.page_paths import PagePath
from ui.serving.settings import ServingSettings

NAMES = ("decided-1", "decided-2", "waiting", "open")
CELL = {"audit": "one", "axis": "skin_type", "level": "V", "metric": "accuracy"}


def _table(numbers: list[int]) -> AuditTable:
    return AuditTable(
        classes=("melanoma", "acne_vulgaris"),
        truth=np.array([0, 1, OUTLIER, 0], dtype=np.int16),
        cluster=np.arange(4, dtype=np.int32),
        patients_known=True,
        axes={"skin_type": LevelCodes(("I", "V"), np.array([1, 1, 0, 1], dtype=np.int16))},
        predicted=np.array([1, 1, 0, 1], dtype=np.int16),
        abstained=np.array([False, False, False, True]),
        true_urgency=np.array([0, 2, -1, 0], dtype=np.int8),
        queue_urgency=np.array([2, 2, 1, 1], dtype=np.int8),
        case_numbers=np.array(numbers, dtype=np.int64),
        facts={"cases": "a" * 64},
    )


@pytest.fixture
def database(
    reviewed: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, AuditTable]:
    """The cases as an audit reads them; a test may change them."""
    folder = tmp_path / "audits"
    findings = [
        finding("skin_type", "V", metric, Verdict.FAILS)
        for metric in ("accuracy", "abstention_rate", "ood_auroc", "sensitivity_urgent")
    ]
    findings.append(finding(OVERALL, ALL, "accuracy", Verdict.FAILS))
    write_audit(folder, "one", report(plan(), findings, facts={"cases": "a" * 64}))
    write_audit(folder, "table", report(plan(), findings, facts={"predictions": "a" * 64}))
    monkeypatch.setattr(
        "ui.audit_cases_page.serving_settings", lambda: ServingSettings(audits=folder)
    )
    held = {"table": _table([reviewed.cases[name] for name in NAMES])}
    monkeypatch.setattr("ui.audit_cases_page.read_cases", lambda *_: held["table"])
    return held


def _open(pages: Pages, reader: str = "Gus", **changes: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    store = open_store(pages.url)
    app.session_state[TOKEN] = session_for(store, reader)
    store.close()
    for name, value in {**CELL, **changes}.items():
        app.query_params[name] = value
    app._page_hash = calc_hash(PagePath.AUDIT_CASES.value)
    return app.run()


def test_the_errors_of_a_cell_are_links_to_their_cases(
    reviewed: Pages, database: dict[str, AuditTable]
) -> None:
    app = _open(reviewed)
    assert not app.exception
    words = shown(app).replace("\\", "")
    assert "Skin type: V · Accuracy" in words
    assert "2 cases count as errors" in words
    sent = everything(app)
    for name, listed in zip(NAMES, (True, False, False, True), strict=True):
        found = re.search(rf"/case\?case={reviewed.cases[name]}\b", sent)
        assert (found is not None) is listed
    assert re.search(r"Melanoma \S+ urgent", sent)
    assert re.search(r"No opinion, most probable Acne vulgaris \S+ semi-urgent", sent)
    assert "have changed" not in words


def test_changed_cases_are_said(reviewed: Pages, database: dict[str, AuditTable]) -> None:
    database["table"] = replace(database["table"], facts={"cases": "b" * 64})
    assert "labels have changed since the report" in shown(_open(reviewed))


def test_no_more_than_some_are_listed_and_the_rest_is_counted(
    reviewed: Pages, database: dict[str, AuditTable], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_cases_page, "MOST_CASES", 1)
    assert "The first 1; 1 more are left out" in shown(_open(reviewed))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"audit": "absent"}, "names no cell"),
        ({"audit": "../one"}, "names no cell"),
        ({"level": "VII"}, "names no cell"),
        ({"metric": "ood_auroc"}, "No single case is an error"),
        ({"audit": "table"}, "of a table of predictions"),
    ],
)
def test_an_address_without_cases_is_said(
    reviewed: Pages, database: dict[str, AuditTable], changes: dict[str, str], words: str
) -> None:
    app = _open(reviewed, **changes)
    assert not app.exception
    assert words in shown(app).replace("\\", "")
    assert [one.label for one in app.button] == ["To the audits"]


def test_a_level_that_the_database_has_no_more_is_said(
    reviewed: Pages, database: dict[str, AuditTable]
) -> None:
    database["table"] = replace(database["table"], axes={})
    assert "there is no axis" in shown(_open(reviewed))


@pytest.mark.parametrize("reader", ["Ann", "Bob", "Eve"])
def test_other_roles_have_no_such_page(
    reviewed: Pages, database: dict[str, AuditTable], reader: str
) -> None:
    assert "count as errors" not in everything(_open(reviewed, reader))


def test_cases_in_words_without_what_a_table_lacks() -> None:
    lacking: dict[str, Any] = {
        "predicted": None, "abstained": None, "true_urgency": None, "queue_urgency": None
    }  # fmt: skip
    found = cell_cases(replace(_table([7, 8, 9, 10]), **lacking), [1, 2])
    assert [(one.case_id, one.truth, one.said) for one in found] == [
        (8, "Acne vulgaris", "not known"),
        (9, "None of the conditions it knows", "not known"),
    ]
