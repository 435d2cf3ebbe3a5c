"""What the terminal says of an audit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.table import Table

from pipelines.terminal.tables import plain_table
from triage.auditing.measurement import OVERALL, AuditFinding
from triage.reports.audit_report import AuditReport
from triage.reports.names import group
from triage.reports.sections.cells import count, known, tally, tally_text
from triage.reports.suppression import SUPPRESSED
from triage.vocabulary.verdicts import Verdict

MOST_ROWS = 20


def audit_lines(report: AuditReport) -> list[str | Table]:
    """Return tables and lines: all cases, groups that fail, counts, groups without evidence."""
    overall = [one for one in report.findings if one.axis == OVERALL]
    failing = [
        one for one in report.findings if one.axis != OVERALL and one.verdict is Verdict.FAILS
    ]
    lines: list[str | Table] = [_overall(overall)] if overall else []
    if failing:
        lines.append(_failing(failing))
    verdicts = tally_text(one.verdict for one in report.findings)
    lines.append(f"verdicts: {verdicts if report.findings else 'the plan states no limits'}")
    lines += _without_evidence(one for one in report.findings if one.axis != OVERALL)
    lines.append(_cases(report))
    lines.append(f"plan: {report.registration.sentence}")
    lines += [f"excluded: {known(n)} cases {why}" for why, n in report.excluded.items()]
    return [*lines, *(f"deviation: {each}" for each in report.deviations)]


def verdict_counts(report: AuditReport) -> dict[str, int]:
    """Return how many findings have each verdict."""
    return {
        verdict.value: n for verdict, n in tally(one.verdict for one in report.findings).items()
    }


def files_line(folder: Path, files: Sequence[str]) -> str:
    """Return where the files of a report are, those in folders counted."""
    within = Counter(name.partition("/")[0] for name in files if "/" in name)
    named = [name for name in files if "/" not in name]
    named += [f"{name}/ ({count(n, 'file')})" for name, n in within.items()]
    return f"{folder}: {', '.join(named)}"


def numbers_whole(table: Table, *columns: int) -> Table:
    """Return a table in which the text of these columns is on one line."""
    for column in columns:
        table.columns[column].no_wrap = True
    return table


def _overall(findings: Sequence[AuditFinding]) -> Table:
    rows = [[one.title, _value(one), _limit(one), one.verdict.value] for one in findings]
    columns = ["metric", "value [interval]", "limit", "verdict"]
    return numbers_whole(plain_table("All cases", columns, rows), 1, 2)


def _failing(findings: Sequence[AuditFinding]) -> Table:
    rows = [
        [group(one.axis, one.level), one.title, _value(one), _limit(one), known(one.n)]
        for one in findings[:MOST_ROWS]
    ]
    more = len(findings) - len(rows)
    columns = ["group", "metric", "value [interval]", "limit", "n"]
    note = f"and {more} more in the report" if more > 0 else ""
    return numbers_whole(plain_table("Groups that fail", columns, rows, note), 2, 3, 4)


def _without_evidence(findings: Iterable[AuditFinding]) -> list[str]:
    """Return a line for each metric that some groups have too little evidence for."""
    by_metric: dict[str, list[AuditFinding]] = {}
    for one in findings:
        by_metric.setdefault(f"{one.title} {_limit(one)}", []).append(one)
    lines = []
    for title, rows in by_metric.items():
        open_ = [one for one in rows if one.verdict is Verdict.NOT_ENOUGH]
        hidden = sum(one.note == SUPPRESSED for one in open_)
        if open_:
            told = f", {hidden} of them suppressed" if hidden else ""
            lines.append(
                f"  not enough evidence: {title} in {len(open_)} of {len(rows)} groups{told}"
            )
    return lines


def _cases(report: AuditReport) -> str:
    return (
        f"{known(report.n_cases)} cases, {known(report.n_labelled)} labelled, "
        f"{known(report.n_patients)} patients"
        + ("" if report.patients_known else " (none named: each case counts as one)")
    )


def _value(one: AuditFinding) -> str:
    if one.value is None:
        return SUPPRESSED if one.note == SUPPRESSED else "undefined"
    if one.low is None or one.high is None:
        return f"{one.value:.3f}"
    return f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"


def _limit(one: AuditFinding) -> str:
    return f"≥ {one.at_least:g}" if one.at_most is None else f"≤ {one.at_most:g}"
