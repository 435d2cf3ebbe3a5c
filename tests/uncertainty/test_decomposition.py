from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import entropy

from triage.errors import UsageError
from triage.uncertainty.decomposition import decompose

RNG = np.random.default_rng(0)


def drawn(n: int = 30, members: int = 5, classes: int = 6) -> np.ndarray:
    return RNG.dirichlet(np.full(classes, 0.5), (n, members)).astype(np.float32)


def test_against_scipy() -> None:
    p = drawn()
    found = decompose(p)
    exact = p.astype(np.float64)
    np.testing.assert_allclose(found.total, entropy(exact.mean(1), axis=1), atol=1e-6)
    np.testing.assert_allclose(found.aleatoric, entropy(exact, axis=2).mean(1), atol=1e-6)
    np.testing.assert_allclose(found.total, found.aleatoric + found.epistemic)
    assert found.total.dtype == np.float64
    assert (found.epistemic > 0).all()


def test_epistemic_is_the_mutual_information_of_class_and_member() -> None:
    p = drawn()
    joint = p.astype(np.float64) / p.shape[1]
    product = joint.sum(2, keepdims=True) * joint.sum(1, keepdims=True)
    divergence = (joint * np.log(joint / product)).sum((1, 2))
    np.testing.assert_allclose(decompose(p).epistemic, divergence, atol=1e-6)


def test_members_that_agree_leave_no_epistemic_part() -> None:
    p = np.repeat(drawn(members=1), 7, axis=1)
    found = decompose(p)
    assert (found.epistemic >= 0).all()
    assert found.epistemic.max() < 1e-12
    assert (decompose(drawn(members=1)).epistemic < 1e-12).all()


def test_members_that_are_sure_and_differ_are_all_epistemic() -> None:
    p = np.eye(4)[None]
    found = decompose(p)
    assert found.aleatoric[0] == pytest.approx(0)
    assert found.epistemic[0] == pytest.approx(np.log(4))


def test_given_an_inlier_members_count_by_their_inlier_mass() -> None:
    p = drawn()
    found = decompose(p, n_inliers=4)
    for case, members in enumerate(p.astype(np.float64)):
        joint = members[:, :4] / members[:, :4].sum()
        share = joint.sum(1)
        total = entropy(joint.sum(0))
        aleatoric = sum(w * entropy(row) for w, row in zip(share, joint, strict=True))
        assert found.total[case] == pytest.approx(total, abs=1e-6)
        assert found.aleatoric[case] == pytest.approx(aleatoric, abs=1e-6)
        assert found.epistemic[case] == pytest.approx(total - aleatoric, abs=1e-6)
        # the same distribution that the ensemble's mean gives
        mean = members.mean(0)[:4]
        assert total == pytest.approx(entropy(mean / mean.sum()))


def test_all_inliers_is_no_condition() -> None:
    p = drawn()
    np.testing.assert_allclose(decompose(p, 6).epistemic, decompose(p).epistemic, atol=1e-12)


def test_calibration_changes_the_classes_and_not_who_speaks_for_them() -> None:
    p = drawn()
    calibrated = RNG.dirichlet(np.ones(4), len(p))
    found = decompose(p, 4, calibrated)
    for case, members in enumerate(p.astype(np.float64)[:, :, :4]):
        joint = members / members.sum(axis=0) * calibrated[case]
        information = sum(
            q * entropy(of_class, joint.sum(axis=1))
            for q, of_class in zip(calibrated[case], (joint / joint.sum(axis=0)).T, strict=True)
        )
        assert found.total[case] == pytest.approx(entropy(calibrated[case]))
        assert found.epistemic[case] == pytest.approx(information, abs=1e-9)
    np.testing.assert_allclose(found.total, found.aleatoric + found.epistemic)


def test_calibrated_members_that_agree_leave_no_epistemic_part() -> None:
    p = np.repeat(drawn(members=1), 7, axis=1)
    found = decompose(p, 4, RNG.dirichlet(np.ones(4), len(p)))
    assert found.epistemic.max() < 1e-12


def test_a_calibrator_that_changes_nothing_changes_nothing() -> None:
    p = drawn()
    mean = p.astype(np.float64).mean(axis=1)[:, :4]
    found = decompose(p, 4, mean / mean.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(found.epistemic, decompose(p, 4).epistemic, atol=1e-12)


def test_calibrated_probabilities_of_other_classes_are_refused() -> None:
    with pytest.raises(UsageError, match="calibrated has shape"):
        decompose(drawn(n=3), 4, np.full((3, 6), 1 / 6))


def test_no_mass_on_any_inlier() -> None:
    found = decompose(np.array([[[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]]), n_inliers=2)
    assert found.total[0] == pytest.approx(np.log(2))
    assert found.epistemic[0] == pytest.approx(0)


def test_no_case() -> None:
    assert decompose(np.zeros((0, 2, 3))).total.shape == (0,)


@pytest.mark.parametrize(
    ("probabilities", "n_inliers", "says"),
    [
        (np.ones((2, 3)) / 3, None, "shape"),
        (np.ones((2, 0, 3)), None, "shape"),
        (np.ones((2, 2, 3)), None, "sum to one"),
        (np.full((2, 2, 3), np.nan), None, "not finite"),
        (np.array([[[1.5, -0.5]]]), None, "negative"),
        (np.ones((2, 2, 2)) / 2, 0, "n_inliers is 0"),
        (np.ones((2, 2, 2)) / 2, 3, "n_inliers is 3"),
    ],
)
def test_what_is_refused(probabilities: np.ndarray, n_inliers: int | None, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        decompose(probabilities, n_inliers)
