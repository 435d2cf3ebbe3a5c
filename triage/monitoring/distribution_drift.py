"""Drift of one column: Kolmogorov-Smirnov test, chi-square test, population stability index.

Every test compares independent cases: of several cases of a patient only the first may be given
(`first_of_units`). All of them hold their level whatever the distribution of the column is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from triage.errors import UsageError
from triage.monitoring.drift_test import DriftTest, judged, permutations_for, too_few
from triage.monitoring.stability_index import (
    asymptotic_limit,
    bin_counts,
    index_of_counts,
    permuted_indices,
    rule_of_thumb,
)

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
EXPECTED_COUNT = 5.0
"""Where every expected count is at least this, chi-square has its distribution; else permute."""
ASYMPTOTIC_BIN = 100
"""Cases a bin, of the smaller sample, from which on PSI is compared with chi-square."""
_CHUNK = 2**21
_KS, _CHI, _PSI = (
    "two-sample Kolmogorov-Smirnov test",
    "chi-square test",
    "population stability index",
)


def ks_drift(reference: ArrayLike, current: ArrayLike, *, level: float = 0.05) -> DriftTest:
    """Two-sample Kolmogorov-Smirnov test of a number.

    The exact distribution for samples up to 10,000, the asymptotic one above
    (`scipy.stats.ks_2samp`). Ties, as of whole numbers, make the test conservative.

    Parameters
    ----------
    reference : float array [n]
    current : float array [m]
        NaN is left out of both, and counted in the note.
    level : float
        Probability of an alarm without drift.

    Returns
    -------
    DriftTest
        The effect is the statistic: the largest difference of the two distribution functions.

    Raises
    ------
    UsageError
        If an array has another shape, or a value is infinite.
    """
    (old, new), note = _numbers(reference, current)
    if few := too_few(_KS, len(old), len(new), level):
        return few
    found = stats.ks_2samp(old, new)
    statistic, p_value = float(found.statistic), min(float(found.pvalue), 1.0)
    return DriftTest(
        method=_KS,
        n_reference=len(old),
        n_current=len(new),
        level=level,
        verdict=judged(p_value, level),
        statistic=statistic,
        p_value=p_value,
        effect=statistic,
        note=note,
    )


def category_drift(
    reference: Sequence[str],
    current: Sequence[str],
    *,
    level: float = 0.05,
    n_permutations: int = 9999,
    seed: int = 0,
) -> DriftTest:
    """Chi-square test whether a column of levels has the same shares in both samples.

    Where an expected count is below 5, the p-value is that of `n_permutations` tables with the same
    margins, (1 + b) / (1 + B): what permuting the cases gives. No level is merged with others, and
    levels that the reference does not have are counted like the rest.

    Parameters
    ----------
    reference, current : sequence of str
        Levels of the cases; a missing value is a level like any other, such as ''.
    level : float
        Probability of an alarm without drift.
    n_permutations : int
        At least as many as the level needs.
    seed : int

    Returns
    -------
    DriftTest
        The effect is Cramer's V, between 0 and 1.
    """
    if few := too_few(_CHI, len(reference), len(current), level):
        return few
    names, table = _table(reference, current)
    note = _new_levels(names, table)
    if len(names) == 1:
        return _answer(_CHI, table, 0.0, 1.0, level, effect=0.0, note=note or "a single level")
    expected = table.sum(axis=1)[:, None] * table.sum(axis=0) / table.sum()
    statistic = float(_chi_square(table[1][None], table)[0])
    method = _CHI
    if expected.min() >= EXPECTED_COUNT:
        p_value = float(stats.chi2.sf(statistic, len(names) - 1))
    else:
        method = f"{_CHI} by permutation"
        p_value = _by_permutation(
            lambda drawn: _chi_square(drawn, table), statistic, table, n_permutations, level, seed
        )
    effect = float(np.sqrt(statistic / table.sum()))
    return _answer(method, table, statistic, p_value, level, effect=effect, note=note)


def psi(
    reference: ArrayLike,
    current: ArrayLike,
    n_bins: int = 10,
    *,
    level: float = 0.05,
    n_permutations: int = 999,
    seed: int = 0,
) -> DriftTest:
    """Population stability index of a number, in bins of the reference's quantiles.

    PSI = sum of (q - p) ln(q / p) over the bins, p and q the shares of reference and current cases,
    at least 1e-4. Without drift it is about (bins - 1) (1 / n + 1 / m) on average, and divided by
    (1 / n + 1 / m) it has about a chi-square distribution. That is the limit where the smaller
    sample has 100 cases a bin or more and no bins fell together; else cases are permuted, with the
    quantiles taken anew each time, p = (1 + b) / (1 + B). The fixed limits 0.1 and 0.25 take no
    account of the number of cases; they are mentioned in the note only.

    Parameters
    ----------
    reference : float array [n]
    current : float array [m]
        NaN is left out of both, and counted in the note.
    n_bins : int
        At least 2.
    level : float
        Probability of an alarm without drift.
    n_permutations : int
        At least as many as the level needs.
    seed : int

    Returns
    -------
    DriftTest
        With `expected` and `limit`; the effect is the PSI less `expected`.

    Raises
    ------
    UsageError
        If an array has another shape, a value is infinite, or there is a single bin.
    """
    if n_bins < 2:
        raise UsageError(f"{n_bins} bins give no index", hint="Ask for 10.")
    (old, new), note = _numbers(reference, current)
    if few := too_few(_PSI, len(old), len(new), level):
        return few
    counts = bin_counts(old, new, n_bins)
    used = int((counts.sum(axis=0) > 0).sum())
    value = float(index_of_counts(counts[0], counts[1]))
    if min(len(old), len(new)) >= ASYMPTOTIC_BIN * n_bins and used == n_bins:
        return _stability(_PSI, counts, value, None, level, note)
    number = permutations_for(level, n_permutations)
    drawn = permuted_indices(old, new, n_bins, number, np.random.default_rng(seed))
    return _stability(f"{_PSI} by permutation", counts, value, drawn, level, note)


def category_psi(
    reference: Sequence[str],
    current: Sequence[str],
    *,
    level: float = 0.05,
    n_permutations: int = 9999,
    seed: int = 0,
) -> DriftTest:
    """Population stability index of a column of levels; see `psi`.

    The limit is that of chi-square where every level has 100 cases or more in both samples, else of
    tables with the same margins.

    Parameters
    ----------
    reference, current : sequence of str
    level, n_permutations, seed
        As of `category_drift`.

    Returns
    -------
    DriftTest
        With `expected` and `limit`; the effect is the PSI less `expected`.
    """
    if few := too_few(_PSI, len(reference), len(current), level):
        return few
    names, table = _table(reference, current)
    note = _new_levels(names, table)
    value = float(index_of_counts(table[0], table[1]))
    if len(names) == 1 or table.min() >= ASYMPTOTIC_BIN:
        return _stability(_PSI, table, value, None, level, note)
    total = table.sum(axis=0)
    drawn = np.concatenate(
        [
            index_of_counts(total - part, part)
            for part in _tables(table, permutations_for(level, n_permutations), seed)
        ]
    )
    return _stability(f"{_PSI} by permutation", table, value, drawn, level, note)


def _numbers(reference: ArrayLike, current: ArrayLike) -> tuple[tuple[Floats, Floats], str]:
    """Both samples without NaN, and a note on how many had none."""
    given = [np.asarray(values, dtype=np.float64) for values in (reference, current)]
    if any(values.ndim != 1 for values in given):
        raise UsageError(f"a column has shapes {given[0].shape} and {given[1].shape}, not [n], [m]")
    if any(np.isinf(values).any() for values in given):
        raise UsageError("a column that is tested for drift holds an infinite value")
    old, new = (values[~np.isnan(values)] for values in given)
    missing = [len(values) - len(left) for values, left in zip(given, (old, new), strict=True)]
    note = ""
    if any(missing):
        note = f"left out without a value: {missing[0]} reference and {missing[1]} current cases"
    return (old, new), note


def _table(reference: Sequence[str], current: Sequence[str]) -> tuple[list[str], Counts]:
    """Levels, and their counts in both samples, int [2, K]."""
    old, new = np.asarray(reference, dtype=np.str_), np.asarray(current, dtype=np.str_)
    names, place = np.unique(np.concatenate([old, new]), return_inverse=True)
    size = len(names)
    counts = [np.bincount(part, minlength=size) for part in np.split(place, [len(old)])]
    return [str(name) for name in names], np.stack(counts).astype(np.int64)


def _new_levels(names: list[str], table: Counts) -> str:
    new = int((table[0] == 0).sum())
    if not new:
        return ""
    cases = int(table[1][table[0] == 0].sum())
    return f"{cases} current cases have one of {new} levels that the reference does not have"


def _chi_square(current: Counts, table: Counts) -> Floats:
    """Statistic of the tables with these counts of current cases [B, K] and the same margins."""
    sizes, total = table.sum(axis=1), table.sum(axis=0)
    share = sizes[1] / sizes.sum()
    off = (current - total * share) ** 2 / total
    found: Floats = off.sum(axis=1) / (share * (1 - share))
    return found


def _tables(table: Counts, number: int, seed: int) -> list[Counts]:
    """Counts of current cases [b, K] in random tables with the same margins, in chunks."""
    generator = np.random.default_rng(seed)
    step = max(1, _CHUNK // table.shape[1])
    total, size = table.sum(axis=0), int(table[1].sum())
    return [
        generator.multivariate_hypergeometric(
            total, size, size=min(step, number - start), method="marginals"
        )
        for start in range(0, number, step)
    ]


def _by_permutation(
    statistic: Callable[[Counts], Floats],
    observed: float,
    table: Counts,
    n_permutations: int,
    level: float,
    seed: int,
) -> float:
    number = permutations_for(level, n_permutations)
    # Tables that are the same but for the order of a sum count as equal.
    least = observed * (1 - 1e-9)
    above = sum(int((statistic(part) >= least).sum()) for part in _tables(table, number, seed))
    return (1 + above) / (1 + number)


def _answer(
    method: str,
    table: Counts,
    statistic: float,
    p_value: float,
    level: float,
    *,
    effect: float,
    note: str,
) -> DriftTest:
    old, new = (int(size) for size in table.sum(axis=1))
    return DriftTest(
        method=method,
        n_reference=old,
        n_current=new,
        level=level,
        verdict=judged(p_value, level),
        statistic=statistic,
        p_value=p_value,
        effect=effect,
        note=note,
    )


def _stability(
    method: str,
    counts: Counts,
    value: float,
    drawn: Floats | None,
    level: float,
    note: str,
) -> DriftTest:
    """The answer of a PSI, by its permuted values or, without any, by chi-square."""
    old, new = (int(size) for size in counts.sum(axis=1))
    bins = int((counts.sum(axis=0) > 0).sum())
    scale = 1 / old + 1 / new
    if drawn is None:
        p_value = float(stats.chi2.sf(value / scale, bins - 1)) if bins > 1 else 1.0
        limit = asymptotic_limit(bins, scale, level)
    else:
        p_value = (1 + int((drawn >= value * (1 - 1e-9)).sum())) / (1 + len(drawn))
        # The alarm needs p <= level: at most level (1 + B) - 1 permuted values as large.
        allowed = int(np.floor(level * (1 + len(drawn)) + 1e-9)) - 1
        limit = float(np.sort(drawn)[::-1][allowed])
    expected = (bins - 1) * scale
    return DriftTest(
        method=method,
        n_reference=old,
        n_current=new,
        level=level,
        verdict=judged(p_value, level),
        statistic=value,
        p_value=p_value,
        effect=value - expected,
        expected=expected,
        limit=limit,
        note="; ".join(filter(None, [note, rule_of_thumb(value)])),
    )
