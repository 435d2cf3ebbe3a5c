from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.ui.make_audits import demo_findings, fill_audits, plan, report, write_audit, write_plan
from triage.errors import UsageError
from ui.audit_folder import audits_in, folder_of_run, is_audit_name, plans_in


def test_plans_and_audits_are_found(tmp_path: Path) -> None:
    fill_audits(tmp_path)
    (tmp_path / ".hidden.yaml").write_text("{}")
    (tmp_path / "unfinished").mkdir()
    names = {one.path.name: one.plan for one in plans_in(tmp_path)}
    assert names.keys() == {"broken.yaml", "half-year.yaml", "no-limits.yaml"}
    assert names["broken.yaml"] is None
    assert names["half-year.yaml"] == plan(bundle="d" * 64, unlabelled="exclude")
    (problem,) = [one.problem for one in plans_in(tmp_path) if one.plan is None]
    assert "sauce: there is no such key. Did you mean source?" in problem
    assert str(tmp_path) not in problem
    assert {one.name for one in audits_in(tmp_path)} == {"half-year", "no-limits"}


def test_the_newest_audit_is_first_and_a_changed_one_is_read_again(tmp_path: Path) -> None:
    fill_audits(tmp_path)
    for name, at in (("half-year", 100), ("no-limits", 200)):
        os.utime(tmp_path / name / "report.json", (at, at))
    assert [one.name for one in audits_in(tmp_path)] == ["no-limits", "half-year"]
    changed = report(plan(title="Another"), demo_findings())
    (tmp_path / "half-year" / "report.json").write_text(changed.model_dump_json())
    newest = audits_in(tmp_path)[0]
    assert newest.name == "half-year"
    assert newest.report == changed


def _changed(**changes: object) -> str:
    content = json.loads(report(plan(), demo_findings()).model_dump_json())
    return json.dumps({**content, **changes})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no JSON", "is no report of an audit"),
        ("[" * 100_000, "is no report of an audit"),
        ("[1]", "is no report of an audit"),
        (_changed(schema_version="triage-audit-report-2"), "of a newer release"),
        (_changed(schema_version="triage-report-1"), "not known here"),
        (_changed(n_cases="many"), "malformed at n_cases"),
        (_changed(more=1), "malformed at more"),
    ],
)
def test_what_is_no_report_is_refused_readably(tmp_path: Path, text: str, words: str) -> None:
    write_audit(tmp_path, "one", report(plan(), []))
    (tmp_path / "one" / "report.json").write_text(text)
    (found,) = audits_in(tmp_path)
    assert found.report is None
    assert words in found.problem
    assert str(tmp_path) not in found.problem


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        audits_in(tmp_path / "gone")


def test_names_lead_out_of_no_folder(tmp_path: Path) -> None:
    folder = tmp_path / "audits"
    fill_audits(folder)
    write_audit(tmp_path, "outside", report(plan(), []))
    (folder / "link").symlink_to(tmp_path / "outside")
    assert is_audit_name(folder, "half-year")
    for name in ("../outside", "..", ".", "", "/", "link", "half-year/..", "absent", "a\0b"):
        assert not is_audit_name(folder, name)


def test_a_run_replaces_no_report_and_goes_on_where_there_is_none(tmp_path: Path) -> None:
    path = write_plan(tmp_path, "half-year.yaml", plan())
    assert folder_of_run(path) == tmp_path / "half-year"
    (tmp_path / "half-year").mkdir()  # parts of an interrupted run
    assert folder_of_run(path) == tmp_path / "half-year"
    (tmp_path / "half-year").rmdir()
    for name in ("half-year", "half-year-2"):
        write_audit(tmp_path, name, report(plan(), []))
    assert folder_of_run(path) == tmp_path / "half-year-3"
