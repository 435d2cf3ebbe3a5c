"""The findings of an audit as rows of tables: sign and word of each verdict, never colour alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from markupsafe import Markup

from triage.auditing.audit_plan import Axis
from triage.auditing.cell_cases import has_error_cases
from triage.auditing.measurement import (
    ALL,
    OVERALL,
    AuditEstimate,
    AuditFinding,
    LevelComparison,
)
from triage.charts.number_format import MISSING, number, p_value, span
from triage.printable import printable
from triage.reports.audit_report import AuditReport
from triage.reports.sections.cells import limit_text
from triage.vocabulary.verdicts import Verdict
from ui.html_table import Cell, Column, interval_bar, lines, link, weak
from ui.page_paths import PagePath
from ui.words import grouped, plain_name, plural

SIGNS = {Verdict.MEETS: "✓", Verdict.FAILS: "✕", Verdict.NOT_ENOUGH: "?"}
WORDS = {
    Verdict.MEETS: "Meets",
    Verdict.FAILS: "Fails",
    Verdict.NOT_ENOUGH: "Not enough evidence",
}
_CLASSES = {Verdict.MEETS: "meets", Verdict.FAILS: "fails", Verdict.NOT_ENOUGH: "open"}
DATABASE_FACT = "cases"
"""Key of the hash of the cases among the facts of an audit of a case database."""
ORDER = (Verdict.FAILS, Verdict.NOT_ENOUGH, Verdict.MEETS)
"""In which verdicts are listed: what needs an answer first."""
FINDING_COLUMNS = (
    Column("Group"),
    Column("Limit"),
    Column("Verdict"),
    Column("Value, interval", "number"),
    Column("0 to 100 %, line: limit", "chart"),
    Column("Cases", "number"),
    Column("p, adjusted", "number"),
    Column("It would take"),
)
COMPARISON_COLUMNS = (
    Column("Group"),
    Column("Metric"),
    Column("Difference, interval", "number"),
    Column("Ratio, interval", "number"),
    Column("p, adjusted", "number"),
    Column("Margin"),
)


def group_name(axis: str, level: str) -> str:
    """Return a set of cases in words: 'All cases', 'Skin type: III'."""
    return "All cases" if axis == OVERALL else f"{plain_name(axis)}: {printable(level)}"


def counts(findings: Sequence[AuditFinding]) -> dict[Verdict, int]:
    """Return how many findings have each verdict, in `ORDER`."""
    found = Counter(one.verdict for one in findings)
    return {verdict: found[verdict] for verdict in ORDER}


def tally(findings: Sequence[AuditFinding]) -> Markup:
    """Return the number of findings of each verdict, with sign and word."""
    items = (
        Markup('<li class="{}"><span class="sign" aria-hidden="true">{}</span> <b>{}</b> {}</li>')
        .format(_CLASSES[verdict], SIGNS[verdict], count, WORDS[verdict].lower())
        for verdict, count in counts(findings).items()
    )  # fmt: skip
    return Markup('<ul class="tally">{}</ul>').format(Markup("").join(items))


def verdict_cell(verdict: Verdict, detail: str = "", address: str = "") -> Markup:
    """Return a verdict with its sign, and a line of detail below.

    Parameters
    ----------
    verdict : Verdict
    detail : str
    address : str
        Of the page with its cases; the verdict is then a link.
    """
    words: Cell = link(WORDS[verdict], address) if address else WORDS[verdict]
    shown = Markup(
        '<span class="verdict {}"><span class="sign" aria-hidden="true">{}</span> {}</span>'
    )
    marked = shown.format(_CLASSES[verdict], SIGNS[verdict], words)
    return lines(marked, detail) if detail else marked


def address_of_cases(audit: str, found: AuditEstimate) -> str:
    """Return the address of the page with the cases that count as errors of a finding.

    '' where no single case is an error of its metric, or no audit is named.
    """
    if not audit or not has_error_cases(found.metric):
        return ""
    named = {"audit": audit, "axis": found.axis, "level": found.level, "metric": found.metric}
    return f"/{PagePath.AUDIT_CASES}?{urlencode(named)}"


@dataclass(frozen=True, slots=True)
class Matrix:
    """The verdicts of every group (row) and limit (column)."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


def matrix(findings: Sequence[AuditFinding], address: Callable[[AuditFinding], str]) -> Matrix:
    """Return the matrix of verdicts, in the order in which groups and limits come.

    Parameters
    ----------
    findings : sequence of AuditFinding
    address : callable
        Returns the address of the cases of a finding, '' where there is none.
    """
    limits = list(dict.fromkeys((one.title, limit_text(one, one.unit)) for one in findings))
    groups = list(dict.fromkeys((one.axis, one.level) for one in findings))
    at = {(one.axis, one.level, one.title, limit_text(one, one.unit)): one for one in findings}
    rows = []
    for axis, level in groups:
        cells: list[Cell] = [_group(axis, level)]
        for limit in limits:
            found = at.get((axis, level, *limit))
            cells.append(weak(MISSING) if found is None else _matrix_cell(found, address))
        rows.append(tuple(cells))
    titles = (Column(f"{title}, {limit}") for title, limit in limits)
    return Matrix((Column("Group"), *titles), tuple(rows))


def _matrix_cell(found: AuditFinding, address: Callable[[AuditFinding], str]) -> Markup:
    failing = found.verdict is Verdict.FAILS
    detail = f"{number(found.value, found.unit)} of {count_words(found.n)}"
    return verdict_cell(found.verdict, detail, address(found) if failing else "")


def _group(axis: str, level: str) -> Cell:
    return "All cases" if axis == OVERALL else lines(printable(level), plain_name(axis))


def finding_row(found: AuditFinding, address: str) -> tuple[Cell, ...]:
    """Return a finding as a row of `FINDING_COLUMNS`."""
    return (
        _group(found.axis, found.level),
        lines(found.title, limit_text(found, found.unit)),
        verdict_cell(found.verdict, address=address if found.verdict is Verdict.FAILS else ""),
        _estimate(found),
        _bar(found),
        lines(count_words(found.n), _with_noun(found.n_patients, "patient")),
        lines(p_value(found.p_value), f"{p_value(found.p_adjusted)} ({found.correction})"),
        more_words(found) or weak(MISSING),
    )


def _estimate(found: AuditEstimate) -> Cell:
    shown = number(found.value, found.unit)
    if found.value is None:
        return weak(shown)
    return lines(shown, span(found.low, found.high, found.unit))


def _bar(found: AuditFinding) -> Cell:
    if found.unit != "proportion" or found.value is None or found.low is None or found.high is None:
        return Markup("")
    return interval_bar(found.value, found.low, found.high, limit=_bound(found))


def more_words(found: AuditFinding) -> str:
    """Return how many more cases it would take to meet the limit; '' where that is not known."""
    if found.verdict is not Verdict.NOT_ENOUGH:
        return ""
    parts = []
    if found.more_without_error is not None:
        parts.append(f"{grouped(found.more_without_error)} more without an error")
    if found.more_at_this_rate is not None:
        parts.append(f"{grouped(found.more_at_this_rate)} more at the rate seen")
    return ", or ".join(parts)


def comparison_row(found: LevelComparison, unit: str) -> tuple[Cell, ...]:
    """Return a comparison of two levels as a row of `COMPARISON_COLUMNS`.

    Parameters
    ----------
    found : LevelComparison
    unit : str
        Of the metric, which its differences have too.
    """
    margin: Cell = weak("none stated")
    if found.margin is not None and found.verdict is not None:
        margin = verdict_cell(found.verdict, f"at most {number(found.margin, unit)}")
    elif found.evidence == "not enough":
        margin = weak(WORDS[Verdict.NOT_ENOUGH].lower())
    return (
        lines(group_name(found.axis, found.level), f"against {printable(found.reference)}"),
        found.title,
        lines(
            _signed(number(found.difference, unit)),
            _signed(span(found.difference_low, found.difference_high, unit)),
        ),
        lines(number(found.ratio, ""), span(found.ratio_low, found.ratio_high, "")),
        lines(p_value(found.p_value), f"{p_value(found.p_adjusted)} ({found.correction})"),
        margin,
    )


def _signed(text: str) -> str:
    """Return numbers with a true minus, and zero without one."""
    return re.sub(r"-(?=0\.0+(?!\d))", "", text).replace("-", "−")


def units_of(report: AuditReport) -> dict[str, str]:
    """Return the unit of each metric of a report."""
    return {one.metric: one.unit for one in report.estimates}


def skin_tone_sentence(axis: Axis) -> str:
    """Return how the levels of an axis of skin tone were determined; '' of other axes."""
    found = axis.skin_tone
    if found is None:
        return ""
    raters = (
        "number of raters not stated"
        if found.raters is None
        else plural(found.raters, "rater", "raters")
    )
    scale = found.scale if found.scale == "other" else found.scale.capitalize()
    return f"{plain_name(axis.name)}: scale {scale}, method {printable(found.method)}, {raters}."


def estimate_row(found: AuditEstimate) -> tuple[Cell, ...]:
    """Return an estimate as title, value, interval and cases."""
    interval = span(found.low, found.high, found.unit)
    shown = weak(interval) if found.low is None or found.high is None else interval
    return found.title, number(found.value, found.unit), shown, count_words(found.n)


def count_words(count: int | None) -> str:
    """Return a number of cases; one that a public report leaves out is "suppressed"."""
    return "suppressed" if count is None else grouped(count)


def _with_noun(count: int | None, one: str) -> str:
    return f"{count_words(count)} {one if count == 1 else f'{one}s'}"


def size_words(report: AuditReport) -> str:
    """Return how many cases and patients were audited."""
    cases = _with_noun(report.n_cases, "case")
    if not report.patients_known:
        return f"{cases}, patients not stated"
    return f"{cases} of {_with_noun(report.n_patients, 'patient')}"


def of_all_cases(report: AuditReport) -> list[AuditEstimate]:
    """Return the estimates over all cases."""
    return [one for one in report.estimates if (one.axis, one.level) == (OVERALL, ALL)]


def _bound(found: AuditFinding) -> float | None:
    return found.at_most if found.at_least is None else found.at_least
