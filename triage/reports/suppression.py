"""Suppression of small cells in reports that leave the institution.

The rule is that of the Centers for Medicare & Medicaid Services (US) for what is published of their
data: no count from 1 to 10 is shown, nor anything it can be computed from, percentages included
(ResDAC, "CMS Cell Size Suppression Policy"). `cell_protection` chooses what is withheld,
`report_cells` says which counts there are; here the report is rewritten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from triage.auditing.measurement import (
    ALL,
    OVERALL,
    Analysis,
    AuditEstimate,
    AuditFinding,
    LevelComparison,
    LevelSummary,
    NamedNumber,
    WorstLevel,
)
from triage.reports.audit_report import Attachment, AuditReport
from triage.reports.cell_protection import cells_to_withhold, is_small
from triage.reports.report_cells import SIZES, Quantity, Scope, counts, report_cells
from triage.vocabulary.verdicts import Verdict

SUPPRESSED = "suppressed"
"""Note of an estimate without its numbers."""
_WITHHELD = "Withheld from the public report: small numbers of cases could follow from it."
_DIGITS_OF_COUNTED, _DIGITS, _DIGITS_OF_P = 3, 2, 2
_COUNT = re.compile(r"(?<![\w.])\d[\d,]*(?![\w.]*\d)")
"""A whole number, and not a part of a decimal, a version or a hash."""
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T[\d:.+Z-]*)?")


def suppress_small_cells(report: AuditReport) -> AuditReport:
    """Return the report without counts of 1 to 10 and what they can be computed from.

    Withheld numbers are None, with the note "suppressed", and a finding without its numbers has
    the verdict "not enough evidence", so that what is withheld for its own size and what is
    withheld to protect another number look the same. Values that stay are rounded: to 3 decimals
    where numerator and denominator are printed, else to 2, so that no denominator follows from
    their digits. Curves, notes with numbers, counts of left-out rows with a small one, incidents
    and evaluations of unknown structure are withheld as a whole.
    """
    return _Suppression(report).report()


class _Suppression:
    """What of a report is withheld."""

    def __init__(self, report: AuditReport) -> None:
        self._full = report
        self._smallest_cost = _smallest_cost(report)
        found = report_cells(report, self._smallest_cost)
        hidden = cells_to_withhold(found.cells)
        self._hidden: set[tuple[Quantity, Scope]] = {
            name for name, cell in found.place.items() if hidden[cell]
        }
        self._gone = {
            (each.axis, each.level, each.metric)
            for each in (*report.estimates, *report.findings)
            if self._has_hidden(each)
        }
        self._axes_with_gaps = {axis for axis, _, _ in self._gone}
        self._metrics_with_gaps = {(axis, metric) for axis, _, metric in self._gone}

    def report(self) -> AuditReport:
        """Return the public report."""
        full = self._full
        incomplete: set[str] = {each.correction for each in full.findings if self._is_gone(each)}
        incomplete |= {e.correction for e in full.comparisons if self._is_gone_comparison(e)}
        changes: dict[str, Any] = {
            "public": True,
            "facts": _facts(full.facts),
            "excluded": {}
            if is_small(np.array([*full.excluded.values()], dtype=np.float64)).any()
            else full.excluded,
            "deviations": _without_counts(full.deviations),
            **{
                name: self._size(name, (OVERALL, ALL), getattr(full, name))
                for name in ("n_cases", "n_patients", "n_labelled")
            },
            "levels": [self._level(each) for each in full.levels],
            "estimates": [self._estimate(each) for each in full.estimates],
            "findings": [self._finding(each, incomplete) for each in full.findings],
            "comparisons": [self._comparison(each, incomplete) for each in full.comparisons],
            "worst": [self._worst(each) for each in full.worst],
            "analyses": [self._analysis(each) for each in full.analyses],
            "system": full.system.model_copy(
                update={"manifest": None, "facts": _facts(full.system.facts)}
            ),
            "attachments": [_attachment(each) for each in full.attachments],
            "extra": {},
        }
        if full.excluded and not changes["excluded"]:
            changes["deviations"].append(f"Numbers of rows left out. {_WITHHELD}")
        return full.model_copy(update=changes)

    def _has_hidden(self, each: AuditEstimate) -> bool:
        kinds = counts(each, self._smallest_cost)
        return any(((each.metric, k), (each.axis, each.level)) in self._hidden for k in kinds)

    def _is_gone(self, each: AuditEstimate) -> bool:
        return (each.axis, each.level, each.metric) in self._gone

    def _is_gone_comparison(self, each: LevelComparison) -> bool:
        compared = {(each.axis, name, each.metric) for name in (each.level, each.reference)}
        return not compared.isdisjoint(self._gone)

    def _size(self, quantity: Quantity, scope: Scope, size: int | None) -> int | None:
        return None if (quantity, scope) in self._hidden else size

    def _level(self, each: LevelSummary) -> LevelSummary:
        scope = (each.axis, each.level)
        sizes = {name: self._size(name, scope, getattr(each, name)) for name in SIZES}
        return each.model_copy(update=sizes)

    def _changes(self, each: AuditEstimate) -> dict[str, Any]:
        """What an estimate shows in public."""
        scope = (each.axis, each.level)
        if not self._is_gone(each):
            digits = _DIGITS if each.n_positive is None else _DIGITS_OF_COUNTED
            shown = ("value", "low", "high", "display_low", "display_high")
            rounded = {name: _rounded(getattr(each, name), digits) for name in shown}
            note = "" if _has_number(each.note) else each.note
            return {**rounded, "undefined_replicates": 0, "note": note}
        numbers = ("value", "low", "high", "display_low", "display_high", "n_positive")
        return {
            **dict.fromkeys(numbers),
            "n": self._size((each.metric, "n"), scope, each.n),
            "n_patients": self._size((each.metric, "n_patients"), scope, each.n_patients),
            "interval": "none",
            "evidence": "not enough",
            "undefined_replicates": 0,
            "note": SUPPRESSED,
        }

    def _estimate(self, each: AuditEstimate) -> AuditEstimate:
        return each.model_copy(update=self._changes(each))

    def _finding(self, each: AuditFinding, incomplete: set[str]) -> AuditFinding:
        changes = self._changes(each)
        if self._is_gone(each):
            numbers = ("p_value", "p_adjusted", "more_without_error", "more_at_this_rate")
            changes |= {**dict.fromkeys(numbers), "verdict": Verdict.NOT_ENOUGH}
        else:
            changes |= _p_values(each, incomplete)
        return each.model_copy(update=changes)

    def _comparison(self, each: LevelComparison, incomplete: set[str]) -> LevelComparison:
        numbers = [f"{a}{b}" for a in ("difference", "ratio") for b in ("", "_low", "_high")]
        if self._is_gone_comparison(each):
            verdict = None if each.verdict is None else Verdict.NOT_ENOUGH
            gone = dict.fromkeys([*numbers, "p_value", "p_adjusted"])
            return each.model_copy(update={**gone, "evidence": "not enough", "verdict": verdict})
        rounded = {name: _rounded(getattr(each, name), _DIGITS) for name in numbers}
        return each.model_copy(update=rounded | _p_values(each, incomplete))

    def _worst(self, each: WorstLevel) -> WorstLevel:
        if (each.axis, each.metric) in self._metrics_with_gaps:
            return each.model_copy(update=dict.fromkeys(("level", "value", "low", "high")))
        shown = {name: _rounded(getattr(each, name), _DIGITS) for name in ("value", "low", "high")}
        return each.model_copy(update=shown)

    def _analysis(self, each: Analysis) -> Analysis:
        """Numbers of an axis stay together or go together; curves go, for they tell counts."""
        if not each.available:
            return each
        shut = {n.axis for n in each.numbers if self._is_shut(each.key, n)}
        numbers = [_rounded_number(n) for n in each.numbers if n.axis not in shut]
        notes = [*_without_counts(each.notes)]
        if each.curves or len(numbers) < len(each.numbers):
            notes.append(f"Curves and some numbers. {_WITHHELD}")
        changes: dict[str, Any] = {"numbers": numbers, "curves": [], "notes": notes}
        if not numbers:
            changes |= {"available": False, "reason": _WITHHELD, "notes": []}
        return each.model_copy(update=changes)

    def _is_shut(self, analysis: str, number: NamedNumber) -> bool:
        """Whether a number of an analysis tells a small count, or may tell a withheld one."""
        if number.axis != OVERALL and number.axis in self._axes_with_gaps:
            return True
        name, scope = f"{analysis}.{number.key}", (number.axis, number.level)
        kinds = counts(number, self._smallest_cost)
        if number.n is None or is_small(np.array([*kinds.values()])).any():
            return True
        return any(((name, kind), scope) in self._hidden for kind in kinds)


def _rounded_number(number: NamedNumber) -> NamedNumber:
    shown = {name: _rounded(getattr(number, name), _DIGITS) for name in ("value", "low", "high")}
    note = "" if _has_number(number.note) else number.note
    return number.model_copy(update={**shown, "note": note})


def _p_values(each: AuditFinding | LevelComparison, incomplete: set[str]) -> dict[str, Any]:
    """P-values to two digits; adjusted ones only where no withheld row can have set them."""
    adjusted = None if each.correction in incomplete else each.p_adjusted
    return {"p_value": _significant(each.p_value), "p_adjusted": _significant(adjusted)}


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _significant(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_DIGITS_OF_P}g}")


def _has_number(text: str) -> bool:
    return _COUNT.search(_DATE.sub("", text)) is not None


def _facts(facts: Mapping[str, str]) -> dict[str, str]:
    """Keep hashes, versions and dates, and drop what may be a number of cases."""
    return {name: value for name, value in facts.items() if not _has_number(value)}


def _without_counts(sentences: Iterable[str]) -> list[str]:
    """Keep sentences without numbers, since which of them are counts is not known."""
    return [each for each in sentences if not _has_number(each)]


def _attachment(each: Attachment) -> Attachment:
    return each.model_copy(update={"rows": []}) if each.kind == "incidents" else each


def _smallest_cost(report: AuditReport) -> float:
    costs = report.plan.costs
    if costs is None:
        return 1.0
    rows = [*costs.urgency, costs.abstain_known, costs.abstain_unknown]
    amounts = [amount for row in rows for amount in row]
    positive = [a for a in (*amounts, costs.wrong_name, costs.named_unknown) if a > 0]
    return min(positive, default=1.0)
