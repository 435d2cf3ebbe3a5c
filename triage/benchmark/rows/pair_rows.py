"""Rows of score pairs: overall, by the risk of unseen conditions, and by subgroup."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.benchmark.draw_record import TEST, DrawRecord, Floats
from triage.benchmark.resampling import CrossedResamples
from triage.benchmark.results import Number, PairPart, PairRow
from triage.benchmark.rows.head_rows import outcomes_on
from triage.benchmark.rows.method_names import Named
from triage.benchmark.rows.metric_numbers import DrawOutcomes, metric_differences, support
from triage.data.spec import DataSpec
from triage.evaluation.coverage import OVERALL
from triage.evaluation.estimates import MAX_UNDEFINED, MIN_CLUSTERS
from triage.evaluation.metrics import Interval
from triage.evaluation.results import level_order
from triage.uncertainty.auroc import weighted_auroc
from triage.vocabulary.clinical import Risk

RISK = "risk"
OF_HEADS = ("accuracy", "ece")
TOO_FEW = f"too few draws have {MIN_CLUSTERS} groups of outliers and of inliers here"
NOT_RECORDED = "measured by an earlier version, which did not record what each outlier was"
Pair = tuple[Named, Named]
Kept = NDArray[np.bool_] | None


@dataclass(frozen=True)
class _Part:
    """Test cases of each draw that belong to a part; None if a draw does not record it."""

    axis: str
    level: str
    kept: list[Kept]


def pair_rows(
    draws: Sequence[DrawRecord],
    pairs: Sequence[Pair],
    spec: DataSpec,
    resamples: CrossedResamples,
    tick: Callable[[], None] = lambda: None,
) -> list[PairRow]:
    """Compare scores in pairs on the same test cases, draws and resamples.

    A risk level holds the outliers of conditions of that risk and all inliers, a level of a
    subgroup its outliers and its inliers. A draw counts in a part with `MIN_CLUSTERS` clusters
    of outliers and as many of inliers there. A part is left undefined if more than
    `MAX_UNDEFINED` of the resamples of draws hold none of the draws that count.

    Parameters
    ----------
    draws : sequence of DrawRecord
    pairs : sequence of (Named, Named)
        Scores; the difference is the first minus the second.
    spec : DataSpec
    resamples : CrossedResamples
    tick : callable
        Called once a pair.
    """
    parts = list(_parts(draws, spec))
    rows = []
    for a, b in pairs:
        rows.append(
            PairRow(
                a=a.name,
                b=b.name,
                parts=[_compare(draws, a, b, part, resamples) for part in parts],
                heads=_of_heads(draws, a.head, b.head, resamples),
            )
        )
        tick()
    return rows


def _parts(draws: Sequence[DrawRecord], spec: DataSpec) -> Iterator[_Part]:
    yield _Part(OVERALL, "all", [np.ones(len(draw.truth[TEST]), np.bool_) for draw in draws])
    rare = {one.name: one.risk for one in spec.conditions if one.role != "inlier"}
    for risk in Risk:
        if risk in rare.values():
            names = [name for name, found in rare.items() if found is risk]
            yield _Part(RISK, str(risk), [_at_risk(draw, names) for draw in draws])
    for axis in draws[0].subgroups.columns:
        columns = [draw.subgroups[axis].to_numpy() for draw in draws]
        levels = {level for column in columns for level in column}
        for level in sorted(levels, key=level_order):
            yield _Part(str(axis), str(level), [column == level for column in columns])


def _at_risk(draw: DrawRecord, names: list[str]) -> Kept:
    if draw.outliers is None:
        return None
    kept: NDArray[np.bool_] = (draw.truth[TEST] >= 0) | np.isin(draw.outliers, names)
    return kept


def _compare(
    draws: Sequence[DrawRecord], a: Named, b: Named, part: _Part, resamples: CrossedResamples
) -> PairPart:
    counted = [
        (number, draw, kept)
        for number, (draw, kept) in enumerate(zip(draws, part.kept, strict=True))
        if kept is not None and _enough(draw, kept)
    ]
    missing = _reason(part, len(counted), len(draws))
    if missing:
        return PairPart(axis=part.axis, level=part.level, draws=len(counted), reason=missing)
    undefined = np.full((len(draws), resamples.size + 1), np.nan)
    first, second = undefined.copy(), undefined.copy()
    for number, draw, kept in counted:
        weights = resamples.weights(draw.clusters[TEST][kept])
        outlier = draw.truth[TEST][kept] < 0
        for method, values in ((a, first), (b, second)):
            values[number] = weighted_auroc(
                draw.results[method.name].arrays[TEST][kept], outlier, weights
            )
    outlier_of = [draw.truth[TEST][kept] < 0 for _, draw, kept in counted]
    outliers = [one.sum() for one in outlier_of]
    inliers = [(~one).sum() for one in outlier_of]
    sizes = support(
        (draw.clusters[TEST][kept], [one, ~one])
        for (_, draw, kept), one in zip(counted, outlier_of, strict=True)
    )._asdict()
    area = Interval.KORN_GRAUBARD
    return PairPart(
        axis=part.axis,
        level=part.level,
        draws=len(counted),
        outliers=float(np.mean(outliers)),
        inliers=float(np.mean(inliers)),
        a=resamples.number(first, area, **sizes, within=(0.0, 1.0)),
        b=resamples.number(second, area, **sizes, within=(0.0, 1.0)),
        difference=resamples.number(first - second, **sizes, within=(-1.0, 1.0)),
    )


def _enough(draw: DrawRecord, kept: NDArray[np.bool_]) -> bool:
    outlier, clusters = draw.truth[TEST] < 0, draw.clusters[TEST]
    found = (len(np.unique(clusters[kept & side])) for side in (outlier, ~outlier))
    return min(found) >= MIN_CLUSTERS


def _reason(part: _Part, counted: int, draws: int) -> str:
    """Reason why a part is not compared; '' if it is."""
    if all(kept is None for kept in part.kept):
        return NOT_RECORDED
    return "" if (1 - counted / draws) ** draws <= MAX_UNDEFINED else TOO_FEW


def _of_heads(
    draws: Sequence[DrawRecord], a: str, b: str, resamples: CrossedResamples
) -> dict[str, Number]:
    """Accuracy and ECE of one ensemble minus those of the other, on test inliers."""
    if a == b:
        return {}

    def tested(head: str) -> DrawOutcomes:
        def calibrated(draw: DrawRecord, where: str) -> Floats:
            return draw.heads[head].calibrated(where)

        return outcomes_on(draws, TEST, calibrated)

    return metric_differences(OF_HEADS, tested(a), tested(b), resamples)
