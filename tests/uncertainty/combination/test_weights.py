import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.metrics import roc_auc_score

from triage.uncertainty.combination.weights import PULL, aurocs, choose_weights, learn_shares

N = 300


def simulate(shifts: dict[str, list[float]], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Inliers around nought, and 60 cases of each condition with a shift in every score."""
    rng = np.random.default_rng(seed)
    width = len(next(iter(shifts.values())))
    rows = [rng.normal(size=(N, width))]
    names = [""] * N
    for name, shift in shifts.items():
        rows.append(rng.normal(size=(60, width)) + shift)
        names += [name] * 60
    return np.concatenate(rows), np.array(names)


def test_learned_shares_minimise_the_stated_loss() -> None:
    normal, names = simulate({"a": [1.5, 0.2], "b": [0.5, 0.8]})
    is_out = names != ""
    weight = np.where(is_out, 0.25 / 60, 0.5 / N)

    def loss(parameters: np.ndarray) -> float:
        logit = normal @ parameters[:2] + parameters[2]
        p = 1 / (1 + np.exp(-logit))
        fit = -(weight * np.log(np.where(is_out, p, 1 - p))).sum()
        return float(fit + PULL / 2 * ((parameters[:2] - 0.5) ** 2).sum())

    best = minimize(
        loss,
        [0.4, 0.6, 0.1],
        method="Nelder-Mead",
        options={"xatol": 1e-8, "fatol": 1e-14, "maxiter": 4000},
    ).x
    assert (best[:2] > 0).all()
    assert learn_shares(normal, names) == pytest.approx(best[:2] / best[:2].sum(), abs=1e-4)


def test_shares_are_learned_where_left_out_conditions_agree() -> None:
    """The first score tells all three conditions, the second none, the third the wrong way."""
    shifts = {name: [2.0, 0.0, -1.5] for name in ("a", "b", "c")}
    found = choose_weights(*simulate(shifts))
    assert found.learned
    assert found.held_out_learned is not None
    assert found.held_out_equal is not None
    assert found.held_out_learned > found.held_out_equal
    assert found.shares.sum() == pytest.approx(1.0)
    assert found.shares[0] > 0.5 > found.shares[2]
    assert (found.shares >= 0).all()


def test_shares_stay_equal_where_conditions_disagree() -> None:
    """What tells one condition does not tell the other: learning on one harms the other."""
    normal, names = simulate({"a": [3.0, -0.5], "b": [-0.5, 3.0]})
    found = choose_weights(normal, names)
    assert not found.learned
    assert list(found.shares) == [0.5, 0.5]
    equal = normal.mean(axis=1)
    known = names == ""
    expected = [
        roc_auc_score(names[known | (names == name)] == name, equal[known | (names == name)])
        for name in ("a", "b")
    ]
    assert found.held_out_equal == pytest.approx(np.mean(expected))
    assert dict(aurocs(equal, names)) == pytest.approx(dict(zip("ab", expected, strict=True)))


@pytest.mark.parametrize("shifts", [{"a": [3.0, 0.0]}, {"a": [3.0], "b": [1.0]}])
def test_nothing_to_learn(shifts: dict[str, list[float]]) -> None:
    found = choose_weights(*simulate(shifts))
    assert not found.learned
    assert found.held_out_equal is None
    assert list(found.shares) == [1 / len(found.shares)] * len(found.shares)


def test_the_same_twice() -> None:
    given = simulate({name: [1.0, 0.3, 0.1] for name in "abc"})
    assert np.array_equal(choose_weights(*given).shares, choose_weights(*given).shares)
