"""Each kind's formula, against loops and against MAPIE."""

import numpy as np
import pytest
from mapie.classification import SplitConformalClassifier
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import StratifiedShuffleSplit

from tests.uncertainty.conformal.cases import simulate
from triage.errors import UsageError
from triage.uncertainty.conformal import Aps, Lac, Raps
from triage.uncertainty.conformal.aps import mass_down_to, ranks
from triage.uncertainty.conformal.conformal_set import conformal_quantile

K = 5
FIT, FIT_TRUTH = simulate(413, seed=1, k=K, sharpness=1.5)
NEW, _ = simulate(500, seed=2, k=K, sharpness=1.5)
TIED = np.array([[0.4, 0.2, 0.4], [0.3, 0.3, 0.4], [1.0, 0.0, 0.0]])


class Said(ClassifierMixin, BaseEstimator):
    """A fitted classifier that says what it is given."""

    def __init__(self):
        self.classes_ = np.arange(K)
        self.fitted_ = True

    def fit(self, x, y):
        return self

    def predict_proba(self, x):
        return np.asarray(x)

    def predict(self, x):
        return np.asarray(x).argmax(axis=1)


def mapie(kind, alpha, seed=3, **params):
    """MAPIE's sets [N, K] and its fitted score."""
    made = SplitConformalClassifier(
        Said(), confidence_level=1 - alpha, conformity_score=kind, prefit=True, random_state=seed
    ).conformalize(FIT, FIT_TRUTH)
    _, sets = made.predict_set(NEW, conformity_score_params=params)
    return sets[:, :, 0], made._conformity_score


class DrawnAsMapie(Aps):
    """MAPIE draws anew from the same seed for calibration and for new cases."""

    def _draw(self, probabilities):
        return np.random.RandomState(3).uniform(size=len(probabilities))


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.3])
def test_lac_is_mapies(alpha):
    expected, score = mapie("lac", alpha)
    ours = Lac(alpha=alpha).fit(FIT, FIT_TRUTH)
    assert ours.state["quantiles"] == pytest.approx(score.quantiles_)
    np.testing.assert_array_equal(ours.sets(NEW), expected)


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.3])
def test_aps_is_mapies_with_its_draws(alpha):
    expected, score = mapie("aps", alpha, include_last_label="randomized")
    ours = DrawnAsMapie(alpha=alpha).fit(FIT, FIT_TRUTH)
    assert ours.state["quantiles"] == pytest.approx(score.quantiles_)
    np.testing.assert_array_equal(ours.sets(NEW), expected)


def test_raps_scores_and_quantile_are_mapies_with_its_split_and_penalty():
    """MAPIE chooses the penalty by other sets than it makes, so that is taken from it.

    It tunes on a tenth of the cases, whatever share it is asked for.
    """
    _, score = mapie("raps", 0.1, include_last_label="randomized")
    rest, tuning = next(
        StratifiedShuffleSplit(n_splits=1, test_size=0.1, random_state=3).split(FIT, FIT_TRUTH)
    )
    assert len(tuning) == len(score.y_raps)
    k_reg = int(score.k_star[0])
    true_ranks = ranks(FIT[tuning])[np.arange(len(tuning)), FIT_TRUTH[tuning]]
    assert k_reg == conformal_quantile(true_ranks.astype(float), 0.1)
    u = np.random.RandomState(3).uniform(size=len(rest))
    p, true = FIT[rest], FIT_TRUTH[rest]
    ours = raps_scores(p, u, float(score.lambda_star), k_reg)[np.arange(len(rest)), true]
    assert conformal_quantile(ours, 0.1) == pytest.approx(score.quantiles_[0])


def aps_score(row, c, u):
    """Sum of all at least as probable (the first of equals first), less u times its own."""
    before = [q for j, q in enumerate(row) if q > row[c] or (q == row[c] and j < c)]
    return sum(before) + row[c] - u * row[c], len(before) + 1


def raps_scores(p, u, penalty, k_reg):
    found = np.empty(p.shape)
    for i, row in enumerate(p):
        for c in range(len(row)):
            mass, rank = aps_score(row, c, u[i])
            found[i, c] = mass + penalty * max(rank - k_reg, 0)
    return found


@pytest.mark.parametrize("p", [TIED, NEW[:60]], ids=["ties", "simulated"])
def test_ranks_and_mass_are_those_of_loops(p):
    for i, row in enumerate(p):
        for c in range(len(row)):
            mass, rank = aps_score(row, c, 0.0)
            assert ranks(p)[i, c] == rank
            assert mass_down_to(p)[i, c] == pytest.approx(mass)


def test_aps_by_hand():
    """Cumulated 0.5, 0.8, 1; less u = 0.5 of each: 0.25, 0.65, 0.9."""

    class Halved(Aps):
        def _draw(self, probabilities):
            return np.full(len(probabilities), 0.5)

    scores = Halved()._score(np.array([[0.3, 0.5, 0.2]]), {})
    np.testing.assert_allclose(scores, [[0.65, 0.25, 0.9]])


def test_raps_is_the_loop_with_what_it_learned():
    ours = Raps(alpha=0.15, seed=4).fit(FIT, FIT_TRUTH)
    penalty, k_reg = float(ours.state["penalty"]), int(ours.state["first_penalised"]) - 1
    scores = raps_scores(NEW, ours._draw(NEW), penalty, k_reg)
    np.testing.assert_array_equal(ours.sets(NEW), scores <= ours.state["quantiles"][0] + 1e-12)
    assert ours.state["counts"][0] == 413 - round(0.3 * 413)


def test_raps_makes_smaller_sets_where_ranks_are_better_than_probabilities():
    """Some cases far too sure, some far too doubtful: the rank of the truth is what holds."""
    sharpness = np.exp(np.random.default_rng(0).normal(scale=1.0, size=(6000, 1)))
    p, truth = simulate(6000, k=30, seed=6, skill=1.5, sharpness=sharpness)
    fit, new = slice(0, 3000), slice(3000, None)
    raps, aps = (kind(alpha=0.1).fit(p[fit], truth[fit]).sets(p[new]) for kind in (Raps, Aps))
    assert raps.sum() < 0.8 * aps.sum()


def test_raps_without_a_penalty_is_aps():
    free = Raps(alpha=0.1, penalties=(0.0,)).fit(FIT, FIT_TRUTH)
    aps = Aps(alpha=0.1)
    aps.state = free.state
    np.testing.assert_array_equal(free.sets(NEW), aps.sets(NEW))


def test_lac_sets_are_smallest_and_aps_cover_sure_and_doubtful_cases_alike():
    p, truth = simulate(40_000, seed=8)
    new, true = p[9000:], truth[9000:]
    confidence = new.max(axis=1)
    fifth = np.searchsorted(np.quantile(confidence, [0.2, 0.4, 0.6, 0.8]), confidence)
    sizes, worst = {}, {}
    for kind in (Lac, Aps):
        sets = kind(alpha=0.1).fit(p[:9000], truth[:9000]).sets(new)
        held = sets[np.arange(len(new)), true]
        sizes[kind] = sets.sum()
        worst[kind] = max(abs(held[fifth == i].mean() - 0.9) for i in range(5))
    assert sizes[Lac] < sizes[Aps]
    assert worst[Aps] < 0.015
    assert worst[Lac] > 0.02


@pytest.mark.parametrize(
    "settings", [{"penalties": ()}, {"penalties": (-0.1,)}, {"tuning_share": 0.0}]
)
def test_raps_settings_are_checked(settings):
    with pytest.raises(UsageError):
        Raps(**settings)


def test_raps_needs_cases_for_both():
    with pytest.raises(UsageError, match="shared"):
        Raps().fit(FIT[:1], FIT_TRUTH[:1])
