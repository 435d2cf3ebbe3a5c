"""What only scores on embeddings keep; what every score keeps is in `test_contract`."""

import numpy as np
import pytest

from triage.errors import UsageError
from triage.uncertainty.observations import Observations
from triage.uncertainty.scores import SCORES, make_score
from triage.uncertainty.scores.score import Need

KEYS = [key for key, score in SCORES.items() if score.need is Need.EMBEDDINGS]
every_score = pytest.mark.parametrize("key", KEYS)


def draw(n: int, seed: int, width: int = 20) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(3, size=n)
    return (4 * np.eye(3, width)[truth] + rng.normal(size=(n, width))).astype(np.float32), truth


def test_the_scores_meant_here_are_registered() -> None:
    assert len(KEYS) == 9


@every_score
def test_what_scoring_multiplies_by_is_float32(key: str) -> None:
    embedding, truth = draw(100, 0)
    score = make_score(key).fit(Observations(3, embedding=embedding), truth)
    (state,) = score.states or ()
    for name, array in state.items():
        assert np.isfinite(array).all(), name
        assert array.dtype != np.float64 or array.ndim < 2 or name in ("grids", "logs"), name


@every_score
@pytest.mark.parametrize("n", [2, 3, 5])
def test_few_cases_in_many_dimensions(key: str, n: int) -> None:
    embedding, _ = draw(n, 1, 60)
    score = make_score(key).fit(Observations(3, embedding=embedding), np.arange(n) % 3)
    found = score.score(Observations(3, embedding=np.vstack([embedding, draw(4, 2, 60)[0]])))
    assert np.isfinite(found).all()


@every_score
def test_one_dimension(key: str) -> None:
    embedding, truth = draw(50, 1, 3)
    score = make_score(key).fit(Observations(3, embedding=embedding[:, :1]), truth)
    found = score.score(Observations(3, embedding=np.array([[0.0], [100.0]])))
    assert np.isfinite(found).all()


@every_score
def test_cases_beyond_any_scale_have_finite_scores(key: str) -> None:
    embedding, truth = draw(100, 1)
    score = make_score(key).fit(Observations(3, embedding=embedding), truth)
    found = score.score(Observations(3, embedding=1e12 * draw(5, 2)[0]))
    assert np.isfinite(found).all()


@every_score
def test_constant_training_cases_and_others_scored(key: str) -> None:
    embedding = np.full((30, 8), 0.3, np.float32)
    score = make_score(key).fit(Observations(3, embedding=embedding), np.arange(30) % 3)
    found = score.score(Observations(3, embedding=np.vstack([embedding[:1], draw(5, 2, 8)[0]])))
    assert np.isfinite(found).all()


@every_score
def test_a_single_training_case_is_refused_or_enough(key: str) -> None:
    embedding, truth = draw(1, 1)
    seen = Observations(3, embedding=embedding)
    if key == "knn":
        assert make_score(key).fit(seen, truth).score(seen) == pytest.approx(0, abs=1e-3)
    else:
        with pytest.raises(UsageError, match=f"{key}: 1 training case has"):
            make_score(key).fit(seen, truth)
