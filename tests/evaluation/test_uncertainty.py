import numpy as np
import pandas as pd
import pytest

from tests.decisions.make import make_policy, make_predictions, random_probabilities
from triage.errors import UsageError
from triage.evaluation.uncertainty import evaluate_uncertainty

N = 60
OUTLIER = np.arange(N) % 4 == 0


def decided(members=3, seed=0):
    names = [f"c{k}" for k in range(N)]
    cases = pd.DataFrame(
        {
            "case_id": names,
            "patient_id": names,
            "cluster": [f"p{k // 2}" for k in range(N)],
            "label": pd.Series([None] * N, dtype=object),
            "sex": ["unknown" if k < 6 else "mf"[k % 2] for k in range(N)],
        }
    )
    table = make_predictions(random_probabilities(seed, N, members), cases=cases)
    return table.with_decisions(make_policy(temperature=1.5).decide(table))


@pytest.fixture(scope="module")
def table():
    return decided()


@pytest.fixture(scope="module")
def result(table):
    return evaluate_uncertainty(table, OUTLIER, n_resamples=200)


def test_means_of_every_group(table, result):
    sex = table.cases["sex"]
    groups = {
        ("", "All cases"): np.ones(N, bool),
        ("", "Known conditions"): ~OUTLIER,
        ("", "Unknown conditions"): OUTLIER,
        **{("sex", level): (sex == level).to_numpy() for level in ("f", "m", "unknown")},
    }
    assert [(row.axis, row.level) for row in result.rows] == list(groups)
    for row, where in zip(result.rows, groups.values(), strict=True):
        rows = table.decisions[where]
        assert row.aleatoric.value == pytest.approx(rows["aleatoric"].mean())
        assert row.epistemic.value == pytest.approx(rows["epistemic"].mean())
        assert row.total.value == pytest.approx(row.aleatoric.value + row.epistemic.value)
        for found in (row.total, row.aleatoric, row.epistemic):
            assert found.unit == "nats"
            assert found.n_cases == where.sum()
            assert found.n_clusters == table.cases["cluster"][where].nunique()
            assert found.low <= found.value <= found.high
    assert result.rows[-1].total.evidence == "not enough"  # of three patients


def test_the_interval_is_that_of_whole_clusters(table, result):
    by_cluster = table.decisions["aleatoric"].groupby(table.cases["cluster"]).mean()
    error = by_cluster.std() / np.sqrt(len(by_cluster))  # all clusters have two cases
    found = result.rows[0].aleatoric
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.2)


def test_the_same_seed_gives_the_same_numbers(table, result):
    assert evaluate_uncertainty(table, OUTLIER, n_resamples=200) == result


def test_of_one_member_only_its_own_doubt_is_known():
    found = evaluate_uncertainty(decided(members=1), OUTLIER, n_resamples=20)
    assert {(row.total, row.epistemic) for row in found.rows} == {(None, None)}
    assert all(row.aleatoric.value > 0 for row in found.rows)


def test_without_unknown_conditions_there_is_no_row_of_them(table):
    found = evaluate_uncertainty(table, np.zeros(N, bool), n_resamples=20)
    assert "Unknown conditions" not in [row.level for row in found.rows]


def test_predictions_of_an_earlier_version_are_refused(table):
    earlier = table.with_decisions(table.decisions.drop(columns=["aleatoric", "epistemic"]))
    for old in (earlier, make_predictions(random_probabilities(0, 3))):
        with pytest.raises(UsageError, match="hold no uncertainty"):
            evaluate_uncertainty(old, np.zeros(len(old), bool))
