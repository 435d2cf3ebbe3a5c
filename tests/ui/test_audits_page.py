from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from tests.ui.conftest import Pages, everything, press, shown
from tests.ui.make_audits import (
    HOSTILE,
    demo_findings,
    fill_audits,
    finding,
    large_findings,
    plan,
    report,
    write_audit,
    write_plan,
)
from tests.ui.make_reviewed import GUS
from triage.accounts import Actor
from triage.auditing.registered_plans import register_plan, registered_plans
from triage.errors import SpecError
from triage.progress import Progress
from triage.store import open_store
from triage.vocabulary.verdicts import Verdict
from ui import audit_runs
from ui.audit_runs import AuditRuns, RunAudit, RunStatus
from ui.audit_tables import SIGNS
from ui.page_paths import PagePath
from ui.serving.settings import ServingSettings

LONGEST = 30.0
"""Seconds that a test waits for a thread."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of audits that the pages are served with."""
    made = tmp_path / "audits"
    made.mkdir()
    monkeypatch.setattr("ui.audits_page.serving_settings", lambda: ServingSettings(audits=made))
    return made


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Callable[[RunAudit], AuditRuns]:
    """Let the pages run audits by a function of the test."""

    def replace(run: RunAudit) -> AuditRuns:
        made = AuditRuns(run)
        for page in ("audits_page", "audit_plans"):
            monkeypatch.setattr(f"ui.{page}.audit_runs", lambda: made)
        return made

    replace(lambda *_: None)
    return replace


@pytest.mark.parametrize("reader", ["Ann", "Bob", "Eve"])
def test_only_governance_has_the_page(
    reviewed: Pages, folder: Path, runs: object, reader: str
) -> None:
    fill_audits(folder)
    app = reviewed.open(reader=reader, page=PagePath.AUDITS)
    assert app.title[0].value != "Audits"
    assert "Demo skin system" not in everything(app)


def test_without_a_folder_it_says_how_to_give_one(
    reviewed: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.audits_page.serving_settings", ServingSettings)
    app = reviewed.open(reader="Gus", page=PagePath.AUDITS)
    assert app.title[0].value == "Audits"
    assert "triage ui --audits FOLDER" in shown(app)


def test_an_empty_folder_and_one_that_is_gone(reviewed: Pages, folder: Path, runs: object) -> None:
    app = reviewed.open(reader="Gus", page=PagePath.AUDITS)
    assert "No audit is finished yet" in shown(app)
    assert "holds no plan yet" in shown(app)
    folder.rmdir()
    app.run()
    assert not app.exception
    assert "The folder of audits cannot be read" in shown(app)


def test_a_report_is_read(reviewed: Pages, folder: Path, runs: object) -> None:
    fill_audits(folder)
    app = reviewed.open(reader="Gus", page=PagePath.AUDITS)
    assert not app.exception
    app.selectbox(key="audit").select("half-year").run()
    assert not app.exception
    assert [one.value.replace("\\", "") for one in app.header] == [
        "Skin photographs, first half of 2025",
        "Verdicts",
        "For whom it is not known",
        "Differences between groups",
    ]
    sent = everything(app)
    for sign in SIGNS.values():
        assert f'aria-hidden=\\"true\\">{sign}</span>' in sent
    assert "Not enough evidence" in sent
    for words in (
        "1 254 cases of 1 101 patients",
        "registered in the ledger on 2 June 2025",
        "Skin type: scale Fitzpatrick, method one clinician, 1 rater",
        "16 more without an error, or 1 210 more at the rate seen",
        "at least 80.0 %",
        "/audit-files/half-year/audit.zip",
    ):
        assert words in sent.replace("\\\\", "").replace("\\", ""), words
    assert "<script>" not in sent
    assert "&lt;script&gt;" in sent
    assert "/audit-cases?audit=half-year&amp;axis=skin_type&amp;level=%3Cscript" in sent


def test_filters_narrow_the_findings(reviewed: Pages, folder: Path, runs: object) -> None:
    fill_audits(folder)
    app = reviewed.open(reader="Gus", page=PagePath.AUDITS)
    app.selectbox(key="audit").select("half-year").run()
    app.button_group[0].select("With intervals and p-values").run()

    def rows() -> int:
        assert "0.003 (Holm)" in everything(app)
        table = everything(app).split('aria-label=\\"Findings\\"')[-1]
        return table.split("</table>")[0].count('role=\\"rowheader\\"')

    assert rows() == len(demo_findings())
    app.multiselect[0].select("skin_type").run()
    assert rows() == sum(one.axis == "skin_type" for one in demo_findings())
    app.multiselect[2].select("fails").run()
    assert rows() == 2
    app.multiselect[1].select("Abstention rate").run()
    assert "No finding is left by the filters" in shown(app)


def test_a_report_that_cannot_be_read_is_said(reviewed: Pages, folder: Path, runs: object) -> None:
    write_audit(folder, "newer", report(plan(), []))
    path = folder / "newer" / "report.json"
    path.write_text(path.read_text().replace("audit-report-1", "audit-report-2"))
    app = reviewed.open(reader="Gus", page=PagePath.AUDITS)
    assert not app.exception
    assert "of a newer release" in shown(app).replace("\\", "")


def test_a_report_without_limits_says_so(reviewed: Pages, folder: Path, runs: object) -> None:
    write_audit(folder, "no-limits", report(plan(limits=(), margins=()), []))
    app = reviewed.open(reader="Gus", page=PagePath.AUDITS)
    assert "The plan states no limit" in shown(app)


def test_many_groups_and_limits_are_shown_in_part(
    reviewed: Pages, folder: Path, runs: object
) -> None:
    write_audit(folder, "large", report(plan(), large_findings()))
    app = reviewed.open(reader="Gus", page=PagePath.AUDITS)
    assert not app.exception
    assert "Metric number 19" in everything(app)
    app.button_group[0].select("With intervals and p-values").run()
    assert "The first 100 of 800 findings" in shown(app)


def test_a_plan_is_run_and_its_progress_is_shown_to_everybody(
    reviewed: Pages, folder: Path, runs: Callable[[RunAudit], AuditRuns]
) -> None:
    told, may_end = Event(), Event()

    def run(path: Path, out: Path, actor: Actor, progress: Progress) -> None:
        progress("measuring groups", 3, 40)
        told.set()
        assert may_end.wait(LONGEST)
        write_audit(out.parent, out.name, report(plan(), demo_findings()))

    made = runs(run)
    write_plan(folder, "half-year.yaml", plan())
    app = reviewed.open(reader="Gus", page=PagePath.AUDITS)
    press(app, "Audit this database")
    assert told.wait(LONGEST)
    app.run()
    for each in (app, reviewed.open(reader="Gus", page=PagePath.AUDITS)):
        sent = everything(each)
        assert "measuring groups, 3 of 40" in sent
        assert "Started by Gus" in sent
        (button,) = [one for one in each.button if one.label.startswith("Audit this database")]
        assert button.disabled
    may_end.set()
    _wait_for_end(made)
    app.run()
    assert not app.exception
    assert "is finished" in shown(app)
    assert "1 254 cases" in shown(app)


def test_a_failed_run_says_why(
    reviewed: Pages, folder: Path, runs: Callable[[RunAudit], AuditRuns]
) -> None:
    def run(path: Path, out: Path, actor: Actor, progress: Progress) -> None:
        raise SpecError("the column skin_tipe is absent", hint="Did you mean skin_type?")

    made = runs(run)
    write_plan(folder, "half-year.yaml", plan())
    app = reviewed.open(reader="Gus", page=PagePath.AUDITS)
    press(app, "Audit this database")
    _wait_for_end(made)
    app.run()
    assert not app.exception
    assert "has failed: the column skin_tipe is absent" in shown(app).replace("\\", "")


def _wait_for_end(made: AuditRuns) -> None:
    waiting = Event()
    for _ in range(int(LONGEST / 0.02)):
        if made.state is not None and made.state.status is not RunStatus.RUNNING:
            return
        waiting.wait(0.02)
    raise AssertionError("the run did not end")


def test_the_pages_of_a_server_share_their_runs() -> None:
    assert audit_runs.audit_runs() is audit_runs.audit_runs()


def test_hostile_names_of_levels_are_in_the_test_data() -> None:
    assert any(one.level == HOSTILE for one in demo_findings())


def test_plans_are_listed_with_their_registration(
    reviewed: Pages, folder: Path, runs: object
) -> None:
    fill_audits(folder)
    store = open_store(reviewed.url)
    register_plan(store, plan(title="Only in the ledger"), GUS)
    store.close()
    app = reviewed.open(reader="Gus", page=PagePath.AUDITS)
    sent = everything(app)
    for words in ("half-year.yaml", "Board of the dermatology clinic", "no file in the folder"):
        assert words in sent
    assert "sauce: there is no such key" in sent
    assert "1 file is no plan that can be used" in shown(app).replace("\\", "")


def test_a_plan_is_registered_from_the_page(reviewed: Pages, folder: Path, runs: object) -> None:
    write_plan(folder, "half-year.yaml", plan())
    app = reviewed.open(reader="Gus", page=PagePath.AUDITS)
    assert "is not registered in the ledger" in shown(app)
    press(app, "Register this plan")
    assert not app.exception
    assert "is not registered in the ledger" not in shown(app)
    store = open_store(reviewed.url)
    with store.reading() as reading:
        (found,) = registered_plans(reading)
    store.close()
    assert found.plan == plan()
    assert found.actor == "Gus"
    assert f"event {found.sequence}, by Gus" in everything(app)


def test_suppressed_numbers_are_said(reviewed: Pages, folder: Path, runs: object) -> None:
    hidden = finding("skin_type", "VI", "accuracy", Verdict.NOT_ENOUGH, n=None, n_patients=None)
    content = report(plan(), [hidden], public=True, n_cases=None, n_patients=None)
    write_audit(folder, "public", content)
    app = reviewed.open(reader="Gus", page=PagePath.AUDITS)
    assert not app.exception
    assert "suppressed cases of suppressed patients" in shown(app).replace("\\", "")
    assert "of suppressed" in everything(app)
    app.button_group[0].select("With intervals and p-values").run()
    assert "suppressed patients" in everything(app)
