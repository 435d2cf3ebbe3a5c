"""Tables of `tests.soak.skin_types`, in Markdown: numbers with 95 % intervals by skin type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triage.evaluation.bootstrap import cluster_weights
from triage.evaluation.bootstrap_intervals import quantiles
from triage.evaluation.evaluate import measure_scopes
from triage.evaluation.metrics import METRICS, Need
from triage.evaluation.metrics.clinical import URGENT
from triage.evaluation.metrics.metric import mean_metric
from triage.evaluation.metrics.weighted import CaseValues, FloatArray, ratio
from triage.evaluation.outcomes import Outcomes
from triage.evaluation.paired_comparison import paired_difference
from triage.evaluation.results import Estimate
from triage.evaluation.subgroups import subgroup_scopes

RESAMPLES = 1000
COMPARED = ("accuracy", "ood_auroc", "coverage", "selective_risk", "clinical_cost")
FOUND = mean_metric(
    "urgent_found",
    "Urgent queued as urgent",
    "proportion",
    True,
    (Need.URGENT,),
    "Share of urgent cases queued as urgent.",
    "our definition",
    lambda outcomes: CaseValues(outcomes.queue_urgency == URGENT, outcomes.true_urgency == URGENT),
)
MEASURED = (
    *(METRICS[key] for key in ("accuracy", "ood_auroc", "ece", "coverage", "abstention_rate")),
    *(METRICS[key] for key in ("selective_risk", "selective_accuracy", "clinical_cost")),
    FOUND,
)
GROUP_NAMES = ("I-II", "III-IV", "V-VI")


class Pooled(Protocol):
    """Outcomes of all draws by split, and facts of the same cases."""

    outcomes: dict[str, Outcomes]
    facts: dict[str, pd.DataFrame]


def print_tables(found: dict[str, Pooled], base: str, matched: str) -> None:
    """Print every table."""
    usual = found[base]
    print_by_type(usual)
    for name, variant in found.items():
        if name not in (base, matched):
            print_differences(name, usual, variant)
    print_lag(usual, found[matched])
    print_light(usual)


def print_by_type(pooled: Pooled) -> None:
    """Metrics of the test splits by skin type."""
    outcomes, facts = pooled.outcomes["test"], pooled.facts["test"]
    outcomes = replace(outcomes, subgroups=facts[["type", "group"]])
    print("\n## Test, by skin type\n")
    _row("skin type", "inliers", "outliers", "clusters", *(metric.title for metric in MEASURED))
    _row(*["---"] * (4 + len(MEASURED)))
    for scope, table in measure_scopes(outcomes, MEASURED, n_resamples=RESAMPLES, seed=0):
        rows = facts.iloc[scope.where]
        outlier = outcomes.is_outlier[scope.where]
        _row(
            scope.level or "all",
            str(rows[~outlier]["case"].nunique()),
            str(rows[outlier]["case"].nunique()),
            str(len(np.unique(scope.outcomes.cluster))),
            *(_estimate(table[metric.key]) for metric in MEASURED),
        )


def print_differences(name: str, base: Pooled, variant: Pooled) -> None:
    """What a variant changes in all cases and in each group, on validation and test."""
    print(f"\n## {name}: difference\n")
    _row("split", "skin types", *(METRICS[key].title for key in COMPARED))
    _row(*["---"] * (2 + len(COMPARED)))
    for split in ("validation", "test"):
        pairs = [("all", base.outcomes[split], variant.outcomes[split])]
        scopes = (_by_group(pooled, split) for pooled in (base, variant))
        pairs += [(group, *both) for group, both in _zipped(*scopes).items()]
        for group, before, after in pairs:
            table = paired_difference(before, after, COMPARED, n_resamples=RESAMPLES)
            cells = (table[key] for key in COMPARED)
            _row(split, group, *(_signed(one.value, one.low, one.high) for one in cells))


def print_lag(base: Pooled, matched: Pooled) -> None:
    """How much of the lag of V-VI remains with equal training, conditions and sources."""
    outcomes, facts = base.outcomes["test"], base.facts["test"]
    kinds: dict[str, tuple[Outcomes, Sequence[str]]] = {
        "as it is": (outcomes, ()),
        "equal mix of conditions": (outcomes, ("condition",)),
        "equal mix of sources": (outcomes, ("source",)),
        "equal mix of both": (outcomes, ("condition", "source")),
        "equal numbers in training": (matched.outcomes["test"], ()),
        "equal numbers and mix of conditions": (matched.outcomes["test"], ("condition",)),
    }
    for key in ("accuracy", "ood_auroc"):
        print(f"\n## {METRICS[key].title} on test, and lag of V-VI\n")
        _row("", *GROUP_NAMES, "V-VI less I-IV")
        _row(*["---"] * 5)
        for title, (part, strata) in kinds.items():
            _row(title, *groups_and_lag(key, part, facts, strata))
        if key == "ood_auroc":
            _row("inliers of the group, all outliers", *_one_sided(outcomes, facts, False))
            _row("outliers of the group, all inliers", *_one_sided(outcomes, facts, True))
    print("\n## By source\n")
    _row("", *GROUP_NAMES, "V-VI less I-IV")
    _row(*["---"] * 5)
    for source, rows in facts.groupby("source").groups.items():
        where = rows.to_numpy()
        part = _select(outcomes, where)
        own = facts.iloc[where].reset_index(drop=True)
        for key in ("accuracy", "ood_auroc"):
            cells = groups_and_lag(key, part, own, ())
            _row(f"{source}: {METRICS[key].title}", *cells)


def print_light(pooled: Pooled) -> None:
    """Lightness and contrast by skin type, and their correlation with errors on inliers."""
    outcomes, facts = pooled.outcomes["test"], pooled.facts["test"]
    print("\n## Lightness L* of the pictures, and correlation with an error on inliers (test)\n")
    _row("skin type", "mean L*", "sd of L*", "correlation with L*", "with sd of L*")
    _row(*["---"] * 5)
    wrong = (outcomes.probabilities.argmax(axis=1) != outcomes.truth).astype(np.float64)
    for level in sorted(set(facts["type"])):
        where = np.flatnonzero((facts["type"] == level).to_numpy() & ~outcomes.is_outlier)
        if len(set(wrong[where])) < 2:
            continue
        pictures = facts.iloc[where].drop_duplicates("case")
        cells = []
        for column in ("light", "contrast"):
            values = facts[column].to_numpy(dtype=np.float64)[where]

            measure = partial(_correlation, values, wrong[where])
            cells.append(_bootstrap(measure, outcomes.cluster[where], signed=True))
        means = (f"{pictures[column].mean():.1f}" for column in ("light", "contrast"))
        _row(str(level), *means, *cells)


def groups_and_lag(
    key: str, outcomes: Outcomes, facts: pd.DataFrame, strata: Sequence[str]
) -> list[str]:
    """A metric of each group and the difference of V-VI and I-IV, over equal mixes of strata.

    Each case counts by the share of its stratum among the inliers or the outliers of all groups,
    divided by the weight of the stratum in its own group (direct standardisation).
    """
    group = facts["group"].to_numpy()
    kind = np.where(outcomes.is_outlier, "outlier ", "inlier ")
    stratum = kind.astype(object)
    for column in strata:
        stratum = stratum + facts[column].astype(str).to_numpy() + " "
    parts = {name: np.flatnonzero(group == name) for name in GROUP_NAMES}
    parts["I-IV"] = np.flatnonzero(np.isin(group, ("I-II", "III-IV")))
    common = set.intersection(*({*stratum[parts[name]]} for name in GROUP_NAMES))
    shares = pd.Series(stratum[np.isin(group, GROUP_NAMES)]).value_counts()
    metric = METRICS[key]

    def of_part(where: NDArray[np.int64], weights: FloatArray) -> FloatArray:
        own, drawn = stratum[where], weights[:, where]
        if strata:
            drawn = drawn.copy()
            for name in set(own):
                mine = own == name
                share = shares[name] if name in common else 0.0
                total = drawn[:, mine].sum(axis=1)
                drawn[:, mine] *= np.nan_to_num(ratio(np.full_like(total, share), total))[:, None]
        return metric.compute(_select(outcomes, where), drawn)

    cells = []
    for name in GROUP_NAMES:
        where = parts[name]
        cells.append(_bootstrap(lambda weights, w=where: of_part(w, weights), outcomes.cluster))

    def lag(weights: FloatArray) -> FloatArray:
        return of_part(parts["V-VI"], weights) - of_part(parts["I-IV"], weights)

    return [*cells, _bootstrap(lag, outcomes.cluster, signed=True)]


def _one_sided(outcomes: Outcomes, facts: pd.DataFrame, of_outliers: bool) -> list[str]:
    """AUROC of the inliers or outliers of each group against all cases of the other kind."""
    group = facts["group"].to_numpy()
    other = outcomes.is_outlier != of_outliers
    metric = METRICS["ood_auroc"]

    def of_groups(names: Sequence[str], weights: FloatArray) -> FloatArray:
        where = np.flatnonzero(other | np.isin(group, names))
        return metric.compute(_select(outcomes, where), weights[:, where])

    cells = [
        _bootstrap(lambda weights, n=name: of_groups((n,), weights), outcomes.cluster)
        for name in GROUP_NAMES
    ]

    def lag(weights: FloatArray) -> FloatArray:
        return of_groups(("V-VI",), weights) - of_groups(("I-II", "III-IV"), weights)

    return [*cells, _bootstrap(lag, outcomes.cluster, signed=True)]


def _correlation(x: FloatArray, y: FloatArray, weights: FloatArray) -> FloatArray:
    """Pearson's correlation for each row of weights [B, N]."""
    total = weights.sum(axis=1)
    mean_x, mean_y = (ratio(weights @ each, total) for each in (x, y))
    covariance = ratio(weights @ (x * y), total) - mean_x * mean_y
    variance = (ratio(weights @ x**2, total) - mean_x**2) * (
        ratio(weights @ y**2, total) - mean_y**2
    )
    return ratio(covariance, np.sqrt(np.maximum(variance, 0.0)))


def _bootstrap(
    measure: Callable[[FloatArray], FloatArray],
    cluster: NDArray[np.str_],
    *,
    signed: bool = False,
) -> str:
    """The value of all cases with the percentile interval over resampled clusters."""
    value = float(measure(np.ones((1, len(cluster))))[0])
    drawn = [measure(w) for w in cluster_weights(cluster, n_resamples=RESAMPLES, seed=0)]
    resamples = np.concatenate(drawn)
    low, high = quantiles(resamples[np.isfinite(resamples)])
    return _signed(value, low, high) if signed else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _by_group(pooled: Pooled, split: str) -> dict[str, Outcomes]:
    facts = pooled.facts[split]
    outcomes = replace(pooled.outcomes[split], subgroups=facts[["group"]])
    return {scope.level: scope.outcomes for scope in subgroup_scopes(outcomes)}


def _zipped(
    first: dict[str, Outcomes], second: dict[str, Outcomes]
) -> dict[str, tuple[Outcomes, Outcomes]]:
    return {name: (first[name], second[name]) for name in GROUP_NAMES if name in first}


def _select(outcomes: Outcomes, where: NDArray[np.int64]) -> Outcomes:
    arrays = {
        name: getattr(outcomes, name)[where]
        for name in Outcomes.__dataclass_fields__
        if isinstance(getattr(outcomes, name), np.ndarray)
    }
    return replace(outcomes, subgroups=outcomes.subgroups.iloc[where], **arrays)


def _row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |")


def _estimate(found: Estimate) -> str:
    if found.value is None or found.low is None or found.high is None:
        return "–"
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def _signed(value: float | None, low: float | None, high: float | None) -> str:
    if value is None or low is None or high is None:
        return "–"
    return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"
