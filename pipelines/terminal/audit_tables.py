"""Tables of audits for the terminal."""

from __future__ import annotations

from rich.table import Table

from pipelines.terminal.tables import plain_table
from triage.auditing.measurement import AuditFinding, AuditMeasurement
from triage.vocabulary.verdicts import Verdict

_ROWS = 60


def findings_table(report: AuditMeasurement) -> Table:
    """One row a finding: those that fail first, then those without enough evidence."""
    order = [Verdict.FAILS, Verdict.NOT_ENOUGH, Verdict.MEETS]
    ranked = sorted(report.findings, key=lambda one: order.index(one.verdict))
    rows = [
        [
            f"{one.axis}: {one.level}", one.title, _value(one), _limit(one), "-" if one.n is None else str(one.n),
            one.verdict.value,
        ]
        for one in ranked[:_ROWS]
    ]  # fmt: skip
    more = len(ranked) - len(rows)
    note = f"and {more} more in the report" if more > 0 else ""
    columns = ["cases", "metric", "value [interval]", "limit", "n", "verdict"]
    return plain_table("Verdicts on the plan's limits", columns, rows, note)


def verdict_counts(report: AuditMeasurement) -> dict[str, int]:
    """Return how many findings have each verdict."""
    found = dict.fromkeys((verdict.value for verdict in Verdict), 0)
    for one in report.findings:
        found[one.verdict.value] += 1
    return found


def _value(one: AuditFinding) -> str:
    if one.value is None:
        return "-"
    if one.low is None or one.high is None:
        return f"{one.value:.3f}"
    return f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"


def _limit(one: AuditFinding) -> str:
    return f"≥ {one.at_least:g}" if one.at_most is None else f"≤ {one.at_most:g}"
