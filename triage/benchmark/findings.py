"""Findings of a benchmark in sentences derived from its numbers, and verdicts in words."""

from __future__ import annotations

from dataclasses import dataclass

from triage.benchmark.results import BenchmarkResult, ConformalRow, Number, PairRow, ScoreRow
from triage.benchmark.rows.ordering import first_of, ranked
from triage.charts.number_format import number, signed, span
from triage.evaluation.bootstrap_intervals import POINT
from triage.evaluation.coverage import OVERALL, CoverageRow

SHORTFALL = 0.10
"""An interval that reaches so far below the nominal level does not show that it holds."""

_NAMED = 4  # rows that a sentence names
_JUDGED = {
    "good": "is better",
    "bad": "is worse",
    "open": "does not differ significantly from the second",
}


@dataclass(frozen=True)
class Verdict:
    """A verdict in words, with its style: `good`, `bad` or `open`."""

    words: str
    look: str
    sign: str


def difference_verdict(found: Number | None, *, larger_is_better: bool = True) -> Verdict | None:
    """Judge a difference by its whole interval; None where there is no interval.

    A limit within rounding of zero counts as zero, so that the two are not distinguished.
    """
    if found is None or found.low is None or found.high is None:
        return None
    if found.low <= POINT and found.high >= -POINT:
        return Verdict("no difference shown", "open", "?")
    if (found.low > POINT) is larger_is_better:
        return Verdict("better", "good", "✓")
    return Verdict("worse", "bad", "✕")


def coverage_verdict(row: CoverageRow) -> Verdict:
    """Compare the whole interval of a coverage with its nominal level."""
    if not row.holds:
        return Verdict("falls short", "bad", "✕")
    if row.low < row.promised - SHORTFALL:
        return Verdict("not enough evidence", "open", "?")
    return Verdict("holds", "good", "✓")


def fitted_by(kind: ConformalRow) -> str:
    """Return the group for which the thresholds of prediction sets were fitted."""
    if kind.by == "all":
        return "for all cases together"
    if kind.by == "gate":
        return "for cases behind an OOD gate"
    return f"by {kind.by.replace('_', ' ')}"


def findings(result: BenchmarkResult) -> list[str]:
    """Return the findings as sentences: near, pairs, far, calibration, prediction sets."""
    scores = ranked(result.scores)
    sentences = []
    if scores and scores[0].near["ood_auroc"].value is not None:
        sentences += _near(result, scores)
    sentences += [_pair(pair) for pair in result.pairs if pair.parts and not pair.parts[0].reason]
    far = [row for row in scores if row.far.value is not None]
    if far:
        best = first_of(far, lambda row: row.far.value or 0.0)
        sentences.append(f"Far set: {_name(best)} has the largest AUROC, {_area(best.far)}.")
    sentences += _calibration(result) + _conformal(result)
    if result.skipped:
        n = len(result.skipped)
        sentences.append(
            f"{n} {'method' if n == 1 else 'methods'} could not run; the reasons are below."
        )
    return sentences


def _near(result: BenchmarkResult, scores: list[ScoreRow]) -> list[str]:
    first = scores[0]
    sentences = [
        f"Near set: {_name(first)} has the largest AUROC, {_area(first.near['ood_auroc'])}. The "
        "first of many, picked after looking, tends to look better than it is."
    ]
    unseen = next((row for row in scores if not row.uses_outliers), None)
    if unseen is not None and unseen is not first and unseen.near["ood_auroc"].value is not None:
        sentences.append(
            f"Of the scores on heads that never saw an outlier, {_name(unseen)} comes first, "
            f"{_area(unseen.near['ood_auroc'])}."
        )
    baseline = next((row for row in scores if row.key == result.best_baseline), None)
    if baseline is None:
        return sentences
    others = [v for row in scores if (v := difference_verdict(row.difference)) is not None]
    counts = [sum(v.words == words for v in others) for words in ("better", "worse")]
    sentences.append(
        f"Against the best baseline by validation outliers, {_name(baseline)} with "
        f"{_area(baseline.near['ood_auroc'])}, "
        f"{counts[0]} of {len(others)} methods are better and {counts[1]} worse by their whole "
        f"95 % interval; {len(others) - sum(counts)} do not differ significantly from it. Were "
        "there no difference at all, one in twenty such comparisons would still show one."
    )
    return sentences


def _pair(pair: PairRow) -> str:
    overall, *parts = pair.parts
    judged = [(part, v) for part in parts if (v := difference_verdict(part.difference)) is not None]
    apart = [
        f"{part.axis.replace('_', ' ')} {part.level} ({found.words})"
        for part, found in judged
        if found.look != "open"
    ]
    value = "undefined" if overall.difference.value is None else signed(overall.difference.value)
    low, high = overall.difference.low, overall.difference.high
    between = "no interval" if low is None or high is None else f"{signed(low)} to {signed(high)}"
    verdict = difference_verdict(overall.difference)
    note = "" if verdict is None else f", the first {_JUDGED[verdict.look]}"
    return (
        f"{pair.a} against {pair.b}: the near AUROC differs by {value} ({between}){note}. "
        f"By risk and subgroup, {len(apart)} of {len(judged)} parts differ significantly"
        f"{': ' if apart else ''}{', '.join(apart)}."
    )


def _calibration(result: BenchmarkResult) -> list[str]:
    judged = [row for row in result.calibrators if row.metrics["nll"].value is not None]
    if not judged:
        return []
    best = first_of(judged, lambda row: row.metrics["nll"].value or 0.0, largest=False)
    return [
        f"Calibration: {best.title} on the {best.head} head has the least log loss; its "
        f"calibration error is {_written(best.metrics['ece'], 'proportion')}, where perfect "
        f"calibration would show {number(best.ece_floor, 'proportion')}."
    ]


def _conformal(result: BenchmarkResult) -> list[str]:
    sentences = []
    for kind in result.conformal:
        short = [row for row in kind.rows if not row.holds]
        if short:
            named = [_of(row) for row in short[:_NAMED]]
            rest = f" and {len(short) - _NAMED} more" if len(short) > _NAMED else ""
            sentences.append(
                f"Prediction sets, {kind.title} {fitted_by(kind)}, {kind.head} head: coverage "
                f"falls short of {number(kind.promised, 'proportion')} in {len(short)} of "
                f"{len(kind.rows)} rows: {', '.join(named)}{rest}."
            )
    if result.conformal and not sentences:
        sentences.append(
            "Prediction sets: no row is below its nominal level by its whole interval."
        )
    return sentences


def _of(row: CoverageRow) -> str:
    return "all cases" if row.axis == OVERALL else f"{row.axis.replace('_', ' ')} {row.level}"


def _name(row: ScoreRow) -> str:
    return f"{row.title} on the {row.head} head"


def _area(found: Number) -> str:
    return _written(found, "area")


def _written(found: Number, unit: str) -> str:
    """Format a value with its interval in parentheses."""
    return f"{number(found.value, unit)} ({span(found.low, found.high, unit)})"
