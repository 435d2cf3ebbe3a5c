import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.evaluation.synthetic import make_outcomes
from triage.errors import UsageError
from triage.evaluation.bootstrap import cluster_weights
from triage.evaluation.metrics import METRICS


def test_cases_of_a_cluster_share_their_weight_and_clusters_are_drawn_as_often_as_there_are():
    cluster = np.array(["b", "a", "b", "c", "a", "b"])
    weights = np.concatenate(list(cluster_weights(cluster, n_resamples=500, seed=0)))
    assert weights.shape == (500, 6)
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, 1] == weights[:, 4]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=0.15)


def test_the_seed_decides_and_the_chunk_does_not():
    cluster = np.array([str(i // 2) for i in range(40)])

    def draw(seed, elements):
        chunks = cluster_weights(cluster, n_resamples=50, seed=seed, chunk_elements=elements)
        return list(chunks)

    whole, pieces = draw(4, 10**6), draw(4, 7 * 40)
    assert (len(whole), len(pieces)) == (1, 8)
    assert (np.concatenate(whole) == np.concatenate(pieces)).all()
    assert (np.concatenate(whole) != np.concatenate(draw(5, 10**6))).any()


def test_vectorised_bootstrap_equals_a_loop_over_repeated_cases():
    outcomes = make_outcomes(60, seed=2)
    weights = np.concatenate(list(cluster_weights(outcomes.cluster, n_resamples=100, seed=9)))
    found = METRICS["ood_auroc"].compute(outcomes, weights)
    for row, auroc in zip(weights, found, strict=True):
        drawn = np.repeat(np.arange(len(outcomes)), row.astype(int))
        expected = roc_auc_score(outcomes.is_outlier[drawn], outcomes.ood_score[drawn])
        assert auroc == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("cases", "resamples"), [(0, 100), (5, 1)])
def test_nothing_to_resample_is_refused(cases, resamples):
    with pytest.raises(UsageError):
        list(cluster_weights(np.array(["a"] * cases), n_resamples=resamples, seed=0))
