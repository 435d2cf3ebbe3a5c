"""Words and cells that several sections of the report share."""

from __future__ import annotations

from collections.abc import Iterable

from triage.auditing.audit_plan import Limit, Margin
from triage.auditing.measurement import AuditEstimate, AuditFinding, NamedNumber
from triage.charts.number_format import MISSING, number, span
from triage.evaluation.metrics.audit_registry import ALIASES
from triage.reports.document import Cell, Table
from triage.reports.suppression import SUPPRESSED
from triage.vocabulary.verdicts import Verdict

UNDEFINED = "undefined"


def count(n: int | None, one: str) -> str:
    """Write a number with its noun."""
    return f"{known(n)} {one if n == 1 else one + 's'}"


def known(n: int | None) -> str:
    """Write a number of cases; one that a public copy leaves out is "suppressed"."""
    return "suppressed" if n is None else str(n)


def metric_key(named: Limit | Margin) -> str:
    """Return the key of the metric that a plan names, perhaps by another name."""
    return ALIASES.get(named.metric, named.metric)


def share_text(part: int | None, whole: int | None) -> str:
    """Write a share in percent; a dash where either number is not known."""
    if part is None or whole is None:
        return MISSING
    return number(part / whole if whole else 0.0, "proportion")


def limit_text(found: AuditFinding | Limit, unit: str) -> str:
    """Write a limit, such as "at least 80.0 %"."""
    if found.at_least is not None:
        return f"at least {number(found.at_least, unit)}"
    return f"at most {number(found.at_most, unit)}"


def estimate_cell(found: AuditEstimate | None, verdict: Verdict | None = None) -> Cell:
    """Return the cell of an estimate: its value, its interval below, and its verdict."""
    if found is None:
        return Cell(MISSING, weak=True)
    if found.value is None:
        return Cell(_absent(found), weak=True, verdict=verdict)
    weak = found.evidence == "not enough"
    detail = span(found.low, found.high, found.unit)
    return Cell(number(found.value, found.unit), detail, verdict, weak, found.value)


def estimate_text(found: AuditEstimate) -> str:
    """Write an estimate with its interval in one line."""
    if found.value is None:
        return _absent(found)
    shown = number(found.value, found.unit)
    if found.low is None or found.high is None:
        return f"{shown} (no interval)"
    return f"{shown} ({span(found.low, found.high, found.unit)})"


def _absent(found: AuditEstimate | NamedNumber) -> str:
    return SUPPRESSED if found.note == SUPPRESSED else UNDEFINED


def number_cells(found: NamedNumber) -> tuple[Cell, Cell, Cell]:
    """Return cells of a number of an analysis: value, interval, cases."""
    missing = found.value is None
    return (
        Cell(_absent(found) if missing else number(found.value, found.unit), weak=missing,
             value=found.value),
        Cell(MISSING if found.low is None or found.high is None
             else span(found.low, found.high, found.unit)),
        count_cell(found.n),
    )  # fmt: skip


def count_cell(n: int | None) -> Cell:
    """Return the cell of a count, or of none."""
    return Cell(MISSING, weak=True) if n is None else Cell(str(n), value=n)


def verdict_cell(verdict: Verdict, limit: str = "") -> Cell:
    """Return the cell of a verdict, the limit below it."""
    return Cell("", limit, verdict, value=verdict.value)


def tally(verdicts: Iterable[Verdict]) -> dict[Verdict, int]:
    """Count each verdict, in the order of `Verdict`."""
    found = list(verdicts)
    return {verdict: found.count(verdict) for verdict in Verdict}


def tally_text(verdicts: Iterable[Verdict]) -> str:
    """Write how many verdicts there are of each kind."""
    found = tally(verdicts)
    return (
        f"{found[Verdict.MEETS]} meet, {found[Verdict.FAILS]} fail, "
        f"{found[Verdict.NOT_ENOUGH]} without enough evidence"
    )


def unless_empty(table: Table) -> tuple[Table, ...]:
    """Return the table, or nothing where it has no rows."""
    return (table,) if table.rows else ()
