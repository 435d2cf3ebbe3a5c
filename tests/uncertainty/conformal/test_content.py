import numpy as np
import pytest
from scipy import stats

from tests.uncertainty.conformal.cases import simulate
from triage.uncertainty.conformal.content import uniform_of


def test_numbers_are_uniform_and_independent_by_seed_and_purpose():
    p, truth = simulate(5000, seed=0)
    u = uniform_of(p, 0, "sets")
    assert u.min() >= 0
    assert u.max() < 1
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    for other in (uniform_of(p, 1, "sets"), uniform_of(p, 0, "tuning"), truth, p.max(axis=1)):
        assert abs(stats.spearmanr(u, other).statistic) < 0.06


def test_a_value_by_hand():
    """blake2b with the key and person, its first 53 bits of 64 as a fraction."""
    import hashlib

    row = np.array([[0.25, 0.75]])
    data = (250_000).to_bytes(4, "little") + (750_000).to_bytes(4, "little")
    digest = hashlib.blake2b(
        data, digest_size=8, key=(5).to_bytes(8, "little"), person=b"sets"
    ).digest()
    expected = int.from_bytes(digest, "little") / 2**64
    assert uniform_of(row, 5, "sets")[0] == pytest.approx(expected, abs=2**-53)


def test_no_case():
    assert uniform_of(np.empty((0, 3)), 0, "sets").shape == (0,)
