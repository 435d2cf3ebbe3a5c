"""What every kind of set keeps: its promise, its form, and its manners with bad input."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from tests.uncertainty.conformal.cases import simulate, within
from triage.errors import UsageError
from triage.uncertainty.conformal import CONFORMAL, Aps, Lac
from triage.uncertainty.conformal.conformal_set import conformal_quantile

each_kind = pytest.mark.parametrize("kind", CONFORMAL.values(), ids=list(CONFORMAL))
each_grouping = pytest.mark.parametrize("by", ["all", "condition", "subgroup"])
GROUPS = np.array(["f", "m"])


def groups_for(by, n):
    return GROUPS[np.arange(n) % 2] if by == "subgroup" else None


def fitted(kind, by="all", n=300, **settings):
    p, truth = simulate(n, seed=1)
    return kind(by=by, **settings).fit(p, truth, groups_for(by, n))


def covered(sets, truth):
    return sets[np.arange(len(truth)), truth]


# The quantile


@pytest.mark.parametrize("alpha", [Fraction(1, 10), Fraction(1, 20), Fraction(3, 10)])
@pytest.mark.parametrize("n", [1, 2, 8, 9, 18, 19, 20, 39, 99, 100, 333])
def test_quantile_is_the_order_statistic_of_exact_arithmetic(n, alpha):
    scores = np.random.default_rng(n).permutation(n).astype(float)
    rank = math.ceil((n + 1) * (1 - alpha))
    expected = sorted(scores)[rank - 1] if rank <= n else math.inf
    assert conformal_quantile(scores, float(alpha)) == expected


def test_quantile_is_numpys_with_the_finite_sample_level():
    scores = np.random.default_rng(0).normal(size=73)
    level = math.ceil(74 * 0.9) / 73
    assert conformal_quantile(scores, 0.1) == np.quantile(scores, level, method="inverted_cdf")


# The promise


@each_kind
@pytest.mark.parametrize("sharpness", [1.0, 3.0])
def test_coverage_over_many_draws_is_as_promised(kind, sharpness):
    """Marginal over calibration and test; also where probabilities are far from calibrated."""
    hits, repeats, n = 0, 2000, 39
    p, truth = simulate(repeats * (n + 1), k=4, seed=3, sharpness=sharpness)
    for i in range(repeats):
        rows = slice(i * (n + 1), i * (n + 1) + n)
        new = slice(rows.stop, rows.stop + 1)
        sets = kind(alpha=0.2, seed=7).fit(p[rows], truth[rows]).sets(p[new])
        hits += int(covered(sets, truth[new])[0])
    if kind in (Lac, Aps):  # 40 * 0.8 is whole: the promise is kept exactly
        assert within(hits, repeats, 0.8)
    else:
        assert 0.8 - 0.04 <= hits / repeats <= 0.8 + 1 / 28 + 0.04


@each_kind
def test_one_calibration_covers_as_the_beta_law_says(kind):
    """Given n calibration cases the coverage is Beta(rank, n + 1 - rank): Vovk 2012."""
    draws, n, alpha = 60, 199, 0.1
    used = n if kind.info.key != "raps" else n - round(0.3 * n)
    rank = math.ceil((used + 1) * (1 - alpha))
    found = []
    for seed in range(draws):
        p, truth = simulate(n + 4000, seed=100 + seed)
        sets = kind(alpha=alpha).fit(p[:n], truth[:n]).sets(p[n:])
        found.append(covered(sets, truth[n:]).mean())
    law = stats.beta(rank, used + 1 - rank)
    assert abs(np.mean(found) - law.mean()) < 4 * law.std() / np.sqrt(draws)
    assert stats.kstest(found, law.cdf).pvalue > 1e-3


@each_kind
def test_by_condition_covers_each_condition_where_one_quantile_does_not(kind):
    prior = np.array([0.5, 0.3, 0.12, 0.05, 0.03])
    p, truth = simulate(24_000, seed=5, prior=prior, sharpness=0.5)
    half = 12_000
    shares = {}
    for by in ("all", "condition"):
        sets = kind(alpha=0.2, by=by).fit(p[:half], truth[:half]).sets(p[half:])
        held = covered(sets, truth[half:])
        shares[by] = np.array([held[truth[half:] == c].mean() for c in range(5)])
    counts = np.bincount(truth[:half])
    slack = 5 * np.sqrt(0.16 * 2 / (0.7 * counts))
    assert (np.abs(shares["condition"] - 0.8) < slack).all()
    assert shares["all"].min() < 0.7


def test_by_subgroup_covers_each_where_one_quantile_does_not():
    easy, hard = simulate(8000, seed=1, skill=2.0), simulate(8000, seed=2, skill=0.3)
    p, truth = (np.concatenate(pair) for pair in zip(easy, hard, strict=True))
    p[8000:] = (q := p[8000:] ** 6) / q.sum(axis=1, keepdims=True)  # over-confident there
    group = np.repeat(["easy", "hard"], 8000)
    fit, test = np.arange(16_000) % 2 == 0, np.arange(16_000) % 2 == 1
    one = covered(Lac(alpha=0.2).fit(p[fit], truth[fit]).sets(p[test]), truth[test])
    many = Lac(alpha=0.2, by="subgroup").fit(p[fit], truth[fit], group[fit])
    held = covered(many.sets(p[test], group[test]), truth[test])
    for name in ("easy", "hard"):
        assert held[group[test] == name].mean() == pytest.approx(0.8, abs=0.025)
        assert abs(one[group[test] == name].mean() - 0.8) > 0.05


@each_kind
def test_a_smaller_alpha_never_takes_a_condition_away(kind):
    p, _ = simulate(200, seed=9)
    found = [fitted(kind, alpha=alpha) for alpha in (0.3, 0.1, 0.02)]
    if kind.info.key == "raps":  # its penalty is chosen anew
        sizes = [one.sets(p).sum() for one in found]
        assert sizes == sorted(sizes)
    else:
        sets = [one.sets(p) for one in found]
        assert (sets[0] <= sets[1]).all()
        assert (sets[1] <= sets[2]).all()


# Too few


def test_levels_with_too_few_cases_get_every_condition_and_are_named():
    p, truth = simulate(400, seed=1)
    groups = np.where(np.arange(400) < 8, "few", "many")
    sets = Lac(alpha=0.1, by="subgroup").fit(p, truth, groups)
    assert sets.too_few == ("few",)
    assert sets.levels == ("few", "many")
    assert sets.sets(p[:3], np.array(["few", "never seen", ""])).all()
    assert not sets.sets(p, np.full(400, "many")).all()


def test_a_condition_without_calibration_cases_is_in_every_set():
    p, truth = simulate(400, seed=1)
    keep = truth != 2
    sets = Aps(by="condition").fit(p[keep], truth[keep])
    assert sets.too_few == ("2",)
    assert sets.sets(p)[:, 2].all()


@each_kind
def test_a_handful_of_cases_promises_nothing(kind):
    p, truth = simulate(4, seed=0)
    sets = kind(alpha=0.1).fit(p, truth)
    assert sets.too_few == ("all",)
    assert sets.sets(p).all()


# Form


@each_kind
@each_grouping
def test_a_case_has_the_same_set_alone_and_in_any_order(kind, by):
    p, _ = simulate(150, seed=4)
    sets, groups = fitted(kind, by), groups_for(by, 150)
    together = sets.sets(p, groups)
    order = np.random.default_rng(0).permutation(150)
    shuffled = sets.sets(p[order], None if groups is None else groups[order])
    np.testing.assert_array_equal(shuffled, together[order])
    for i in range(20):
        alone = sets.sets(p[[i]], None if groups is None else groups[[i]])
        np.testing.assert_array_equal(alone[0], together[i])


@each_kind
def test_the_order_of_calibration_cases_does_not_matter(kind):
    p, truth = simulate(300, seed=1)
    order = np.random.default_rng(0).permutation(300)
    again = kind().fit(p[order], truth[order]).state
    for key, array in kind().fit(p, truth).state.items():
        np.testing.assert_array_equal(array, again[key])


@each_kind
@each_grouping
def test_state_holds_numbers_only_and_brings_the_sets_back(kind, by, tmp_path):
    p, _ = simulate(100, seed=4)
    sets, groups = fitted(kind, by), groups_for(by, 100)
    np.savez(tmp_path / "state.npz", **sets.state)
    again = kind(**sets.settings())
    with np.load(tmp_path / "state.npz", allow_pickle=False) as stored:
        again.state = dict(stored)
    assert all(array.dtype.kind in "iuf" for array in again.state.values())
    assert (again.levels, again.too_few) == (sets.levels, sets.too_few)
    np.testing.assert_array_equal(again.sets(p, groups), sets.sets(p, groups))


@each_kind
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_low_precision_changes_few_sets(kind, dtype):
    p, _ = simulate(400, seed=4)
    sets = fitted(kind)
    same = (sets.sets(p.astype(dtype)) == sets.sets(p)).mean()
    assert same > (0.99 if dtype == np.float32 else 0.8)


@each_kind
def test_constant_probabilities_and_one_condition(kind):
    same = np.full((60, 4), 0.25)
    sets = kind(alpha=0.2).fit(same, np.arange(60) % 4).sets(same)
    assert (sets == sets[0]).all()
    assert sets[np.arange(60), np.arange(60) % 4].mean() >= 0.75
    single = kind(alpha=0.2).fit(np.ones((30, 1)), np.zeros(30, dtype=int))
    assert single.sets(np.ones((3, 1))).all()


# Bad input


@each_kind
def test_refusals(kind):
    p, truth = simulate(50, seed=0)
    with pytest.raises(UsageError, match="not fitted"):
        kind().sets(p)
    with pytest.raises(UsageError, match="calibration cases"):
        kind().fit(p[:0], truth[:0])
    with pytest.raises(UsageError, match="49 labels for 50"):
        kind().fit(p, truth[1:])
    with pytest.raises(UsageError, match="inlier conditions"):
        kind().fit(p, truth - 1)
    for wrong in (np.nan, np.inf, -0.1, 1.1):
        spoilt = p.copy()
        spoilt[3, 1] = wrong
        with pytest.raises(UsageError, match=r"\[0, 1\]"):
            kind().fit(spoilt, truth)
    with pytest.raises(UsageError, match="shape"):
        kind().fit(p[:, 0], truth)
    with pytest.raises(UsageError, match="for 5 conditions, not 4"):
        fitted(kind).sets(p[:, :4])
    with pytest.raises(UsageError, match="need groups"):
        kind(by="subgroup").fit(p, truth)
    with pytest.raises(UsageError, match="take no groups"):
        kind().fit(p, truth, np.full(50, "a"))
    with pytest.raises(UsageError, match="1 groups for 50"):
        kind(by="subgroup").fit(p, truth, np.array(["a"]))


@each_kind
@pytest.mark.parametrize(
    "settings", [{"alpha": 0.0}, {"alpha": 1.0}, {"alpha": np.nan}, {"by": "sex"}, {"seed": -1}]
)
def test_settings_are_checked(kind, settings):
    with pytest.raises(UsageError):
        kind(**settings)


def test_registry():
    for key, kind in CONFORMAL.items():
        assert kind.info.key == key
        assert kind.info.title
        assert kind.info.source
        assert kind.info.character
    assert list(CONFORMAL) == ["lac", "aps", "raps"]
