"""What every registered score keeps, whatever its formula."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from tests.uncertainty.scores.make import (
    HALF,
    WIDTH,
    K,
    draw_far,
    draw_inliers,
    fitted,
    observe,
)
from triage.errors import UsageError
from triage.predictions import Predictions
from triage.uncertainty.fitted_file import load_fitted, save_fitted
from triage.uncertainty.observations import Observations
from triage.uncertainty.scores import SCORES, Score, make_score
from triage.uncertainty.scores.score import CHUNK, Need

every_score = pytest.mark.parametrize("key", [*SCORES])
every_fitted_score = pytest.mark.parametrize("key", [k for k, s in SCORES.items() if s.fitted])


def same(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal up to the rounding of float32 sums, which depends on the number of rows."""
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


@every_score
def test_far_cases_score_higher(key: str) -> None:
    score = fitted(make_score(key))
    near, far = (
        score.score(observe(cases)) for cases in (draw_inliers(200, 2)[0], draw_far(200, 3))
    )
    higher = (far[:, None] > near[None, :]).mean()
    assert far.mean() > near.mean()
    assert higher > 0.8, f"AUROC {higher:.2f}"
    assert near.dtype == far.dtype == np.float64


@every_score
def test_cases_in_another_order_have_the_same_scores(key: str) -> None:
    score = fitted(make_score(key))
    seen = observe(np.vstack([draw_inliers(30, 2)[0], draw_far(30, 3)]))
    order = np.random.default_rng(0).permutation(60)
    same(score.score(seen.rows(order)), score.score(seen)[order])


@every_fitted_score
def test_training_cases_in_another_order_fit_the_same_score(key: str) -> None:
    embedding, truth = draw_inliers(200, 1)
    order = np.random.default_rng(0).permutation(200)
    seen = observe(np.vstack([draw_inliers(30, 2)[0], draw_far(30, 3)]))
    one, other = (
        make_score(key).fit(observe(embedding[rows]), truth[rows]).score(seen)
        for rows in (np.arange(200), order)
    )
    if key in ("dose", "morse"):  # the order decides who is held out, or meets whom in a batch
        assert spearmanr(one, other).statistic > 0.97
    else:
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=1e-3)


@every_score
def test_a_case_alone_has_the_score_it_has_among_others(key: str) -> None:
    score = fitted(make_score(key))
    seen = observe(np.vstack([draw_inliers(5, 2)[0], draw_far(5, 3)]))
    together = score.score(seen)
    alone = [score.score(seen.rows(slice(row, row + 1))) for row in range(10)]
    same(np.concatenate(alone), together)


@every_score
def test_many_cases_are_scored_in_chunks(key: str) -> None:
    score = fitted(make_score(key))
    embedding, _ = draw_inliers(CHUNK + 5, 2)
    same(score.score(observe(embedding))[-10:], score.score(observe(embedding[-10:])))


@every_score
def test_saved_and_loaded_it_scores_exactly_the_same(key: str, tmp_path: Path) -> None:
    score = fitted(make_score(key))
    save_fitted(tmp_path / "a" / "score.safetensors", score)
    loaded = load_fitted(tmp_path / "a" / "score.safetensors", Score)
    seen = observe(np.vstack([draw_inliers(20, 2)[0], draw_far(20, 3)]))
    assert type(loaded) is type(score)
    assert loaded == score  # the settings
    # By rows already before it is saved: products with another layout may round differently.
    assert all(array.flags.c_contiguous for state in score.states or () for array in state.values())
    assert np.array_equal(loaded.score(seen), score.score(seen))


@every_score
def test_constant_inputs(key: str) -> None:
    embedding = np.ones((40, WIDTH), np.float32)
    score = make_score(key).fit(observe(embedding), np.arange(40) % K)
    found = score.score(observe(embedding[:7]))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, found[0], rtol=1e-5, atol=1e-6)


@every_score
def test_one_class(key: str) -> None:
    embedding, _ = draw_inliers(60, 1, 1)
    score = make_score(key).fit(observe(embedding, n_inliers=1), np.zeros(60, int))
    assert np.isfinite(score.score(observe(draw_far(9, 3), n_inliers=1))).all()


@every_fitted_score
def test_a_class_without_training_cases_is_refused_or_scored(key: str) -> None:
    embedding, truth = draw_inliers(90, 1)
    present = truth != 1
    refused_or_finite(key, embedding[present], truth[present])


@every_fitted_score
@pytest.mark.parametrize("n", [1, 2])
def test_very_few_training_cases_are_refused_or_scored(key: str, n: int) -> None:
    embedding, _ = draw_inliers(n, 1)
    refused_or_finite(key, embedding, np.arange(n))


def refused_or_finite(key: str, embedding: np.ndarray, truth: np.ndarray) -> None:
    try:
        score = make_score(key).fit(observe(embedding), truth)
    except UsageError as error:
        if error.where != key:
            raise
        return
    assert np.isfinite(score.score(observe(draw_far(5, 3)))).all()


@every_score
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(key: str, bad: float) -> None:
    embedding, truth = draw_inliers(60, 1)
    spoilt = _spoil(observe(embedding), bad)
    with pytest.raises(UsageError, match=f"{key}: .*not finite"):
        fitted(make_score(key)).score(spoilt)
    if SCORES[key].fitted:
        with pytest.raises(UsageError, match=f"{key}: .*not finite"):
            make_score(key).fit(spoilt, truth)


def _spoil(seen: Observations, bad: float) -> Observations:
    """The last case holds a value that is not finite, in every part."""
    assert seen.probabilities is not None
    assert seen.embedding is not None
    assert seen.maps is not None
    assert seen.image_text is not None
    arrays = [seen.probabilities, seen.embedding, *seen.maps, seen.image_text.images]
    copies = [array.copy() for array in arrays]
    for array in copies:
        array[-1] = bad
    return replace(
        seen,
        probabilities=copies[0],
        embedding=copies[1],
        maps=tuple(copies[2:-1]),
        image_text=replace(seen.image_text, images=copies[-1]),
    )


@every_score
def test_a_single_case_and_none(key: str) -> None:
    score = fitted(make_score(key))
    seen = observe(draw_far(1, 3))
    assert score.score(seen).shape == (1,)
    assert score.score(seen.rows(slice(0))).shape == (0,)


@every_score
def test_half_precision(key: str) -> None:
    embedding, truth = draw_inliers(200, 1)
    test = np.vstack([draw_inliers(30, 2)[0], draw_far(30, 3)]).astype(np.float16)
    exact = make_score(key).fit(observe(embedding), truth).score(observe(test.astype(np.float32)))
    half = replace(
        observe(test.astype(np.float32)),
        embedding=test,
        maps=tuple(layer.astype(np.float16) for layer in observe(test).maps or ()),
    )
    found = fitted(make_score(key), 200).score(half)
    assert found.dtype == np.float64
    tolerance = 0.02 * exact.std() if SCORES[key].need is Need.FEATURE_MAPS else 1e-5
    np.testing.assert_allclose(found, exact, rtol=1e-4, atol=tolerance)


@every_fitted_score
def test_fitting_on_half_precision(key: str) -> None:
    embedding, truth = draw_inliers(200, 1)
    seen = observe(embedding.astype(np.float32))
    assert seen.embedding is not None
    half = replace(seen, embedding=seen.embedding.astype(np.float16))
    found = make_score(key).fit(half, truth).score(observe(draw_far(20, 3)))
    assert np.isfinite(found).all()


@every_fitted_score
def test_it_must_be_fitted_first(key: str) -> None:
    with pytest.raises(UsageError, match=f"{key}: the score was not fitted"):
        make_score(key).score(observe(draw_far(3, 3)))


@pytest.mark.parametrize("key", [k for k, s in SCORES.items() if not s.fitted])
def test_what_needs_no_fitting_scores_at_once(key: str) -> None:
    seen = observe(draw_far(3, 3))
    unfitted = make_score(key).score(seen)
    assert np.array_equal(unfitted, fitted(make_score(key)).score(seen))


@every_score
def test_what_is_missing_is_named(key: str) -> None:
    seen = observe(draw_far(3, 3))
    reads_probabilities = SCORES[key].need is Need.PROBABILITIES
    lacking = replace(
        seen,
        probabilities=None if reads_probabilities else seen.probabilities,
        embedding=seen.embedding if reads_probabilities else None,
        heads=(),
        blocks=(),
        maps=None,
        image_text=None,
    )
    with pytest.raises(UsageError, match=f"{key}: needs"):
        fitted(make_score(key)).score(lacking)
    if SCORES[key].fitted:
        with pytest.raises(UsageError, match=f"{key}: needs"):
            make_score(key).fit(lacking, np.zeros(3, int))


@every_score
def test_outliers_are_no_training_cases(key: str) -> None:
    embedding, truth = draw_inliers(20, 1)
    for wrong in (-1, K):
        with pytest.raises(UsageError, match="inlier"):
            make_score(key).fit(observe(embedding), np.where(np.arange(20) == 3, wrong, truth))
    with pytest.raises(UsageError, match="19 labels for 20 cases"):
        make_score(key).fit(observe(embedding), truth[:19])


@every_fitted_score
def test_other_parts_than_it_was_fitted_on(key: str) -> None:
    score = fitted(make_score(key))
    seen = observe(draw_far(3, 3), blocks=1)
    if SCORES[key].need is Need.FEATURE_MAPS:
        assert seen.maps is not None
        seen = replace(seen, maps=seen.maps[:1])
    else:
        seen = replace(seen, heads=seen.heads[:1])
    with pytest.raises(UsageError, match="was fitted on"):
        score.score(seen)


@every_score
def test_memory_mapped_arrays(key: str, tmp_path: Path) -> None:
    seen = observe(np.vstack([draw_inliers(20, 2)[0], draw_far(20, 3)]))
    assert seen.embedding is not None
    assert seen.probabilities is not None
    for name in ("embedding", "probabilities"):
        np.save(tmp_path / f"{name}.npy", getattr(seen, name))
    mapped = replace(
        seen,
        **{
            name: np.load(tmp_path / f"{name}.npy", mmap_mode="r")
            for name in ("embedding", "probabilities")
        },
    )
    assert isinstance(mapped.embedding, np.memmap)
    score = fitted(make_score(key))
    same(score.score(mapped), score.score(seen))


@pytest.mark.parametrize(
    "key",
    [k for k, s in SCORES.items() if s.need in (Need.PROBABILITIES, Need.EMBEDDINGS)],
)
def test_a_stored_table_is_enough(key: str) -> None:
    embedding, truth = draw_inliers(100, 1)
    score = make_score(key).fit(Observations.of_predictions(_table(embedding)), truth)
    near, far = (
        score.score(Observations.of_predictions(_table(cases)))
        for cases in (embedding, draw_far(50, 3))
    )
    assert far.mean() > near.mean()


def _table(embedding: np.ndarray) -> Predictions:
    seen = observe(embedding)
    assert seen.probabilities is not None
    n = len(embedding)
    return Predictions(
        cases=pd.DataFrame(
            {
                "case_id": [f"c{row}" for row in range(n)],
                "patient_id": [f"p{row}" for row in range(n)],
                "cluster": [f"p{row}" for row in range(n)],
                "label": [None] * n,
            }
        ),
        classes=("a", "b", "c", "x", "y"),
        n_inliers=K,
        members=("one", "two"),
        probabilities=seen.probabilities.astype(np.float32),
        embedding=embedding,
    )


@every_score
def test_the_inputs_are_left_as_they_were(key: str) -> None:
    embedding, truth = draw_inliers(60, 1)
    seen = observe(embedding)
    before = _spoil(seen, 0.0)  # copies
    make_score(key).fit(seen, truth).score(seen)
    after = _spoil(seen, 0.0)
    assert np.array_equal(before.embedding, after.embedding)
    assert np.array_equal(before.probabilities, after.probabilities)


@every_score
def test_what_the_registry_says(key: str) -> None:
    info = SCORES[key].info
    assert info.key == key
    assert info.title
    assert info.source
    assert info.cost
    assert SCORES[key].__doc__
    without = observe(draw_far(3, 3), n_outliers=0)
    score = fitted(make_score(key))
    if info.needs_outliers:
        with pytest.raises(UsageError, match="outlier classes"):
            score.score(without)
    else:
        assert score.score(without).shape == (3,)


def test_each_key_is_named_once() -> None:
    assert len({score.info.key for score in SCORES.values()}) == len(SCORES) == 23
    assert HALF * 2 == WIDTH
