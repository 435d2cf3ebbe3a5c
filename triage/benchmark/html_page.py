"""HTML page of a benchmark: one self-contained file, rendered from the result alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from markupsafe import Markup

from triage.atomic_write import whole_file
from triage.benchmark import charts
from triage.benchmark.findings import coverage_verdict, difference_verdict, findings, fitted_by
from triage.benchmark.results import BenchmarkResult, CalibratorRow, Curve, Number, ScoreRow
from triage.benchmark.rows.ordering import first_of, ranked
from triage.benchmark.rows.score_rows import OUTCOME_COST
from triage.charts import number_format as numbers
from triage.charts import reliability_diagram
from triage.charts.page_environment import page_environment
from triage.errors import UsageError
from triage.evaluation.estimates import MAX_UNDEFINED, MIN_CLUSTERS
from triage.evaluation.metrics import METRICS

NEAR = (
    "ood_aupr", "ood_fpr95", "aurc", "clinical_cost", "outcome_cost", "abstention_rate",
    "urgent_at_observation_rate", "abstained_under_triage_rate",
)  # fmt: skip
CALIBRATION = ("ece", "ece_equal_mass", "classwise_ece", "nll", "brier", "accuracy")
FINER = ("adaptive_ece", "brier_reliability", "brier_resolution")
HEADS = ("accuracy", "balanced_accuracy", "ece", "nll", "brier")
SHORT = {
    "ood_aupr": "AUPR",
    "ood_fpr95": "FPR at 95 % TPR",
    "aurc": "AURC",
    "clinical_cost": "Clinical cost",
    "outcome_cost": "Outcome cost",
    "abstention_rate": "Abstained",
    "urgent_at_observation_rate": "Urgent at observation",
    "abstained_under_triage_rate": "Abstained, under-triaged",
    "ece": "ECE",
    "ece_equal_mass": "ECE, equal mass",
    "classwise_ece": "ECE, class-wise",
}
UNCALIBRATED = "none"
COVERAGES = (0.25, 0.5, 0.75, 1.0)
"""Where the risk of a curve is given in numbers."""
_MOST_CURVES, _MOST_SHIFTS = 3, 2
"""Drawn; the tables hold all."""


def write_benchmark_page(result: BenchmarkResult, path: Path) -> None:
    """Write the page atomically; the same result gives the same bytes.

    Parameters
    ----------
    result : BenchmarkResult
    path : Path
        Of the HTML file; its folder is made if need be.

    Raises
    ------
    UsageError
        If it cannot be written there.
    """
    page = render_benchmark(result)
    try:
        with whole_file(path) as partial:
            partial.write_text(page, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(
            f"the page cannot be written: {error.strerror}",
            where=str(path),
            hint="Choose a folder you may write to.",
        ) from error


def render_benchmark(result: BenchmarkResult) -> str:
    """Return the result as one HTML page without external resources and scripts."""
    environment = page_environment("triage.benchmark")
    environment.filters |= {"seconds": _seconds, "signed": numbers.signed}
    environment.globals |= {
        "number": numbers.number,
        "span": numbers.span,
        "metrics": METRICS | {OUTCOME_COST: METRICS["clinical_cost"]},
        "short": _short,
        "difference_verdict": difference_verdict,
        "coverage_verdict": coverage_verdict,
        "fitted_by": fitted_by,
        "min_clusters": MIN_CLUSTERS,
        "max_undefined": MAX_UNDEFINED,
    }
    scores = ranked(result.scores)
    return environment.get_template("page.html.j2").render(
        result=result,
        scores=scores,
        titles={row.key: row.title for row in scores},
        findings=findings(result),
        near=_present(NEAR, [row.near for row in scores]),
        finer=_present(FINER, [row.metrics for row in result.calibrators]),
        calibration=_present(CALIBRATION, [row.metrics for row in result.calibrators]),
        heads=_present(HEADS, [row.metrics for row in result.heads]),
        shifts=list(dict.fromkeys(name for row in scores for name in row.shifted)),
        charts=_charts(result, scores),
        diagrams=_diagrams(result.calibrators),
        coverages=COVERAGES,
        curve_rows=_curve_rows(result),
        used=_used(result),
    )


def _charts(result: BenchmarkResult, scores: list[ScoreRow]) -> dict[str, Markup]:
    drawn: dict[str, Markup] = {}
    if any(row.near["ood_auroc"].value is not None for row in scores):
        drawn["methods"] = _methods(result, scores)
    for number, pair in enumerate(result.pairs):
        forest = charts.pair_forest(pair, key=f"pair-{number}")
        if forest is not None:
            drawn[f"pair-{number}"] = forest
    if any(row.far.value is not None for row in scores):
        drawn["sets"] = _sets(scores)
    for key, row in _diagrams(result.calibrators).items():
        drawn[key] = reliability_diagram(
            row.reliability, key=key, title=f"Reliability diagram: {row.title}, {row.head} head"
        )
    if named := _named_curves(result):
        drawn["selective"] = charts.selective_curves(named)
    return drawn


def _named_curves(result: BenchmarkResult) -> list[tuple[str, Curve]]:
    """Plotted curves with their names; the control last."""
    if len(result.curves) < 2:
        return []
    titles = {row.key: f"{row.title}, {row.head} head" for row in result.scores}
    shown = [*result.curves[:-1][:_MOST_CURVES], result.curves[-1]]
    return [(titles.get(curve.key, curve.key), curve) for curve in shown]


def _curve_rows(
    result: BenchmarkResult,
) -> list[tuple[str, list[tuple[float, float | None]]]]:
    """Risk of each curve at the nearest of its points to `COVERAGES`, and at the split's share."""
    rows = []
    for name, curve in _named_curves(result):
        places = [int(np.abs(np.array(curve.coverage) - asked).argmin()) for asked in COVERAGES]
        own = curve.at_split_share
        rows.append((name, [(curve.risk[i], own[i] if own else None) for i in places]))
    return rows


def _labels(scores: list[ScoreRow]) -> list[tuple[str, str]]:
    return [(row.title, row.head) for row in scores]


def _methods(result: BenchmarkResult, scores: list[ScoreRow]) -> Markup:
    near = [row.near["ood_auroc"] for row in scores]
    best = next(
        (row.near["ood_auroc"].value for row in scores if row.key == result.best_baseline), None
    )
    panels = [
        charts.Panel("AUROC, near set", "dashed: best baseline", near, reference=best),
        charts.Panel(
            "Difference", "to the best baseline (dashed: none)",
            [row.difference for row in scores], reference=0.0, within=(-1.0, 1.0), signed=True,
        ),
        charts.Panel(
            "Single draws", "ring: one draw; bar: their mean", near,
            draws=[row.near_auroc_by_draw for row in scores], reference=best,
        ),
    ]  # fmt: skip
    return charts.methods_chart(
        "methods",
        "AUROC on the near set, by method",
        "Dots are means over draws and bars 95 % intervals over draws and cases; then the "
        "difference to the best baseline; then every draw. The tables hold the same numbers.",
        _labels(scores),
        panels,
    )


def _sets(scores: list[ScoreRow]) -> Markup:
    panels = [charts.Panel("AUROC, far set", "larger is better →", [row.far for row in scores])]
    shifts = list(dict.fromkeys(name for row in scores for name in row.shifted))[:_MOST_SHIFTS]
    numbers_of = {name: [row.shifted.get(name) for row in scores] for name in shifts}
    # One axis for all, so that a shift that no score notices does not fill its panel.
    held = [0.4, 0.6] + [
        bound
        for found in numbers_of.values()
        for number in found
        if number is not None
        for bound in (number.low, number.high)
        if bound is not None
    ]
    for name, found in numbers_of.items():
        title = name if len(name) <= 26 else f"{name[:25]}…"
        panels.append(
            charts.Panel(title, "dashed: shift goes unseen", found, reference=0.5, held=held)
        )
    return charts.methods_chart(
        "sets",
        "AUROC on the far and the shifted sets, by method",
        "Clean test inliers against the far set, and against the shifted sets. The same numbers "
        "are in the tables.",
        _labels(scores),
        panels,
    )


def _diagrams(calibrators: list[CalibratorRow]) -> dict[str, CalibratorRow]:
    """The calibrator with the least log loss, and no calibration on the same head."""
    judged = [row for row in calibrators if row.metrics["nll"].value is not None]
    if not judged:
        return {}
    best = first_of(judged, lambda row: row.metrics["nll"].value or 0.0, largest=False)
    plain = [row for row in judged if row.calibrator == UNCALIBRATED and row.head == best.head]
    drawn = {"reliability-best": best}
    if plain and plain[0] is not best:
        drawn["reliability-none"] = plain[0]
    return drawn


def _present(keys: tuple[str, ...], rows: list[dict[str, Number]]) -> list[str]:
    """Keys of the metrics that some row has."""
    return [key for key in keys if any(key in row for row in rows)]


def _used(result: BenchmarkResult) -> list[str]:
    """Metrics in the page's tables, in the order of the registry."""
    parts = [row.near for row in result.scores]
    parts += [row.metrics for row in result.heads]
    parts += [row.metrics for row in result.calibrators]
    found = {key for part in parts for key in part}
    return [key for key in METRICS if key in found]


def _short(key: str) -> str:
    return SHORT.get(key) or METRICS[key].title


def _seconds(value: float) -> str:
    """Format a duration with two figures, from microseconds to minutes."""
    if value >= 99.5:
        return f"{value / 60:.1f} min"
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            scaled = value / size
            return f"{scaled:.0f} {unit}" if scaled >= 9.95 else f"{scaled:.1f} {unit}"
    return "< 1 ms"
