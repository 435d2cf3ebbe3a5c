import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from triage.data.spec import UrgencyCosts
from triage.errors import UsageError
from triage.evaluation.referral import evaluate_referral
from triage.uncertainty.auroc import weighted_auroc

DE_FAUW = np.array([[234, 5, 13, 0], [3, 225, 2, 0], [10, 2, 250, 4], [1, 1, 14, 233]])


def from_table(table):
    truth, predicted = np.nonzero(table)
    times = table[truth, predicted]
    return np.repeat(truth, times), np.repeat(predicted, times)


def own_patients(n):
    return np.array([f"p{i}" for i in range(n)])


@pytest.fixture(scope="module")
def published():
    truth, predicted = from_table(DE_FAUW)
    return evaluate_referral(truth, predicted, own_patients(len(truth)), n_resamples=50)


def test_published_table_of_de_fauw_2018(published):
    """The paper prints 5.5 % with 3.9 to 7.3 %; 55 of 997 is exactly 4.2 to 7.1 % by Clopper and
    Pearson, within what the paper prints."""
    assert published.n_cases == published.n_patients == 997
    assert published.confusion == DE_FAUW.tolist()
    assert published.error.value == pytest.approx(55 / 997)
    exact = stats.binomtest(55, 997).proportion_ci(0.95, method="exact")
    assert (published.error.low, published.error.high) == pytest.approx((exact.low, exact.high))
    assert (round(100 * exact.low, 1), round(100 * exact.high, 1)) == (4.2, 7.1)
    assert (published.under_triage, published.over_triage) == (24, 31)
    assert published.urgent_to_observation == 0
    assert round(100 * published.urgent_hit_rate.value, 1) == 92.9
    assert round(100 * published.urgent_false_alarm_rate.value, 1) == 1.9


def test_penalty_by_hand(published):
    """Too low: 5 + 2 + 4 of one step, 13 of two. Too high: 3 + 2 + 14 of one, 10 + 1 of two, 1 of
    three. Priced 2 and 1 a step."""
    cost = 2 * (5 + 2 + 4 + 2 * 13) + (3 + 2 + 14 + 2 * (10 + 1) + 3)
    assert published.mean_penalty.value == pytest.approx(cost / 997)
    assert published.penalty[0] == [0, 2, 4, 6]
    assert published.penalty[3] == [3, 2, 1, 0]


def test_other_prices_change_the_penalty_only():
    truth, predicted = np.array([0, 3]), np.array([3, 0])
    costs = UrgencyCosts(under_triage=10, over_triage=0)
    found = evaluate_referral(truth, predicted, own_patients(2), costs=costs, n_resamples=20)
    assert found.mean_penalty.value == 15
    assert found.urgent_to_observation == 1
    assert found.error.value == 1


def test_several_volumes_of_a_patient_widen_the_interval():
    truth, predicted = np.zeros(40, int), np.repeat([0, 1], [32, 8])
    alone = evaluate_referral(truth, predicted, own_patients(40), n_resamples=400).error
    fours = evaluate_referral(truth, predicted, np.repeat(own_patients(10), 4), n_resamples=400)
    assert alone.interval == "Clopper-Pearson"
    assert fours.error.interval == "Gaffke"
    assert fours.error.high - fours.error.low > alone.high - alone.low


def test_auroc_equals_scikit_learn_with_ties_and_weights():
    rng = np.random.default_rng(0)
    score, positive = rng.integers(0, 6, 60) / 5, rng.random(60) < 0.3
    weights = rng.integers(0, 4, (5, 60)).astype(float)
    expected = [roc_auc_score(positive, score, sample_weight=row) for row in weights]
    assert weighted_auroc(score, positive, weights) == pytest.approx(expected)


def test_urgent_and_diagnosis_auroc():
    rng = np.random.default_rng(1)
    truth = np.repeat([0, 1, 2, 3], 15)
    probabilities = rng.dirichlet(np.ones(4), 60)
    probabilities[:15, 0] += 0.3
    diagnosis = rng.integers(0, 2, (60, 3))
    diagnosis[:20, 1] = -1
    diagnosis[:, 2] = -1
    said = rng.random((60, 3))
    found = evaluate_referral(
        truth, truth, own_patients(60), probabilities=probabilities, n_resamples=100,
        diagnoses=("cnv", "drusen", "erm"), diagnosis_truth=diagnosis,
        diagnosis_probabilities=said,
    )  # fmt: skip
    assert found.urgent_auroc.value == pytest.approx(roc_auc_score(truth == 0, probabilities[:, 0]))
    assert found.urgent_auroc.low < found.urgent_auroc.value < found.urgent_auroc.high
    assert found.urgent_auroc.n_clusters == 15
    assert found.diagnoses["cnv"].value == pytest.approx(roc_auc_score(diagnosis[:, 0], said[:, 0]))
    expected = roc_auc_score(diagnosis[20:, 1], said[20:, 1])
    assert found.diagnoses["drusen"].value == pytest.approx(expected)
    assert found.diagnoses["drusen"].n_cases == 40
    assert found.diagnoses["erm"].value is None
    assert found.diagnoses["erm"].evidence == "not enough"
    assert found.error.value == 0
    assert found.error.low == 0


def test_no_urgent_case_leaves_its_measures_undefined():
    found = evaluate_referral(np.array([2, 3]), np.array([2, 2]), own_patients(2), n_resamples=20)
    assert found.urgent_hit_rate.value is None
    assert found.urgent_false_alarm_rate.value == 0
    assert found.urgent_auroc is None


@pytest.mark.parametrize(
    ("truth", "predicted", "patients", "more"),
    [
        ([], [], 0, {}),
        ([0, 4], [0, 0], 2, {}),
        ([0, 1], [0, -1], 2, {}),
        ([0, 1], [0], 2, {}),
        ([0, 1], [0, 1], 2, {"probabilities": np.full((2, 4), np.nan)}),
        ([0, 1], [0, 1], 2, {
            "diagnoses": ("cnv",), "diagnosis_truth": np.zeros((2, 2), int),
            "diagnosis_probabilities": np.zeros((2, 1)),
        }),
    ],
)  # fmt: skip
def test_unusable_referrals_are_refused(truth, predicted, patients, more):
    with pytest.raises(UsageError):
        evaluate_referral(
            np.array(truth, int), np.array(predicted, int), own_patients(patients), **more
        )
