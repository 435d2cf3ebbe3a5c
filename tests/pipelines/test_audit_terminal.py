"""What the terminal says of an audit, at the width of a narrow and of a wide terminal."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from pipelines.terminal.audit_tables import MOST_ROWS, audit_lines, files_line
from tests.reports.small_audit import audit_report, finding
from triage.auditing.measurement import ALL, OVERALL
from triage.reports.audit_report import AuditReport
from triage.reports.suppression import SUPPRESSED
from triage.vocabulary.verdicts import Verdict

HIDDEN: dict[str, Any] = {
    "value": None, "low": None, "high": None, "n": None, "n_patients": None, "n_positive": None,
    "note": SUPPRESSED, "verdict": Verdict.NOT_ENOUGH,
}  # fmt: skip
LONG = "Urgent conditions queued at observation or later"


def shown(report: AuditReport, width: int = 120) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, markup=False, emoji=False, highlight=False)
    for line in audit_lines(report):
        console.print(line, soft_wrap=isinstance(line, str))
    return stream.getvalue()


def test_all_cases_then_failing_groups_then_counts() -> None:
    fails = {"verdict": Verdict.FAILS}
    findings = [
        finding(OVERALL, ALL, 250, 300),
        finding("sex", "male", 120, 140),
        finding("sex", "female", 100, 160, **fails),
        finding("site", "north", 5, 9, verdict=Verdict.NOT_ENOUGH),
    ]
    text = shown(audit_report(findings=findings))
    places = [text.index(words) for words in (
        "All cases", "Groups that fail", "Sex: female", "verdicts: 2 meet, 1 fail, 1 without",
        "not enough evidence: Accuracy ≥ 0.8 in 1 of 3 groups", "300 cases, 300 labelled",
    )]  # fmt: skip
    assert places == sorted(places)
    assert "male" not in text.replace("female", "")
    assert "north" not in text


@pytest.mark.parametrize("width", [80, 120])
def test_no_number_is_broken(width: int) -> None:
    findings = [finding(OVERALL, ALL, 250, 300, title=LONG)]
    findings += [
        finding("skin type * age band", f"V, {row} to {row + 10}", 100, 160, title=LONG,
                verdict=Verdict.FAILS)
        for row in range(MOST_ROWS + 7)
    ]  # fmt: skip
    text = shown(audit_report(findings=findings), width)
    rows = [line for line in text.splitlines() if line.startswith(("│", "┃", "┏", "└"))]
    assert all(len(line) <= width for line in rows)
    assert text.count("0.625 [0.525, 0.725] │ ≥ 0.8 │ 160") == MOST_ROWS
    assert "and 7 more in the report" in text


def test_suppressed_numbers() -> None:
    whole = [finding(OVERALL, ALL, 250, 300), finding("sex", "male", 120, 140)]
    findings = [one.model_copy(update=HIDDEN) for one in whole]
    report = audit_report(
        findings=findings, n_cases=None, n_labelled=None, excluded={"outside the period": 12}
    )
    text = shown(report)
    assert "│ suppressed │ ≥ 0.8 │ not enough evidence │" in " ".join(text.split())
    assert "in 1 of 1 groups, 1 of them suppressed" in text
    assert "suppressed cases, suppressed labelled, 300 patients" in text
    assert "None" not in text


def test_a_plan_without_limits() -> None:
    lines = audit_lines(audit_report(findings=[]))
    assert not any(isinstance(line, Table) for line in lines)
    assert "verdicts: the plan states no limits" in lines


def test_files_of_a_folder_are_counted() -> None:
    files = ("report.html", "tables/a.csv", "tables/b.csv")
    assert files_line(Path("out"), files) == "out: report.html, tables/ (2 files)"
