from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import logit

from triage.errors import UsageError
from triage.uncertainty.combination import (
    Combination,
    fit_combination,
    load_combination,
    save_combination,
)
from triage.uncertainty.observations import Observations
from triage.uncertainty.outlier_probability import fit_outlier_probability
from triage.uncertainty.scores import make_score

K, WIDTH = 3, 12


def observe(
    classes: np.ndarray, rng: np.random.Generator, *, far: float = 0.0, mass: float = 0.0
) -> Observations:
    """Cases of inlier classes; outliers (class -1) lie `far` off and get `mass` for the outlier."""
    n = len(classes)
    embedding = rng.normal(size=(n, WIDTH))
    known = classes >= 0
    embedding[known, classes[known]] += 4.0
    embedding[~known, K:] += far
    logits = rng.normal(size=(n, 2, K + 1))
    logits[known, :, classes[known]] += 3.0
    logits[~known, :, K] += mass
    p = np.exp(logits)
    p /= p.sum(axis=2, keepdims=True)
    return Observations(
        K,
        probabilities=p.astype(np.float32),
        embedding=embedding.astype(np.float32),
        blocks=(slice(0, 5), slice(5, WIDTH)),
    )


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def fit(
    rng: np.random.Generator,
    *,
    far: float = 1.0,
    mass: float = 2.0,
    names: tuple[str, ...] = ("x", "y"),
    met: tuple[str, ...] = ("z",),
) -> tuple[Combination, Observations, np.ndarray]:
    truth = np.arange(240) % K
    classes = np.r_[np.arange(150) % K, np.full(40 * len(names), -1)]
    conditions = np.array([""] * 150 + [name for name in names for _ in range(40)])
    seen = observe(classes, rng, far=far, mass=mass)
    return fit_combination(observe(truth, rng), truth, seen, conditions, met=met), seen, conditions


def test_it_ranks_better_than_each_part(rng: np.random.Generator) -> None:
    combination, _, _ = fit(rng)
    summary = combination.summary
    assert set(summary.shares) == {"outlier_mass", "gen", "mahalanobis_normalised"}
    assert sum(summary.shares.values()) == pytest.approx(1.0, abs=1e-3)
    for name in ("x", "y"):
        alone = [found[name] for key, found in summary.auroc.items() if key != "combination"]
        assert summary.auroc["combination"][name] > max(alone)


def test_the_score_is_the_weighted_sum_of_the_parts(rng: np.random.Generator) -> None:
    combination, seen, _ = fit(rng)
    score = combination.score(seen)
    assert ((score >= 0) & (score <= 1)).all()
    parts = [
        one.share * one.scale.of(part.score(seen))
        for one, part in zip(combination.components, combination.scores, strict=True)
    ]
    assert logit(score) == pytest.approx(np.sum(parts, axis=0))
    mass = make_score("outlier_mass").score(seen)
    assert combination.scores[0].score(seen) == pytest.approx(mass)


def test_each_case_stands_alone(rng: np.random.Generator) -> None:
    combination, seen, _ = fit(rng)
    some = np.array([7, 180, 3])
    assert combination.score(seen.rows(some)) == pytest.approx(
        combination.score(seen)[some], rel=1e-4
    )


def test_what_only_met_conditions_confirm_is_left_out(rng: np.random.Generator) -> None:
    """The head tells its own training condition perfectly, which says nothing of others."""
    combination, _, _ = fit(rng, mass=9.0, names=("x",), met=("x",))
    assert set(combination.summary.shares) == {"gen", "mahalanobis_normalised"}
    assert set(combination.summary.shares.values()) == {0.5}
    assert "every validation outlier is of a condition that trained" in combination.reason


def test_an_unmet_condition_decides_even_beside_a_met_one(rng: np.random.Generator) -> None:
    truth = np.arange(240) % K
    training = observe(truth, rng)
    met = observe(np.full(40, -1), rng, mass=9.0)
    unmet = observe(np.full(40, -1), rng, mass=-3.0)
    known = observe(np.arange(150) % K, rng)
    seen = replace(
        known,
        probabilities=np.concatenate([part.probabilities for part in (known, met, unmet)]),
        embedding=np.concatenate([part.embedding for part in (known, met, unmet)]),
    )
    names = np.array([""] * 150 + ["met"] * 40 + ["unmet"] * 40)
    found = fit_combination(training, truth, seen, names, met=("met",))
    assert "outlier_mass" not in found.summary.shares
    assert "no better than chance" in found.reason
    # Of a head that no outlier trained, the same score is evidence like any other.
    assert "outlier_mass" in fit_combination(training, truth, seen, names).summary.shares


def test_a_head_without_outlier_class(rng: np.random.Generator) -> None:
    truth = np.arange(240) % K
    softmax = [
        replace(each, probabilities=each.probabilities[:, :, :K])
        for each in (observe(truth, rng), observe(np.r_[np.arange(90) % K, [-1] * 30], rng))
        if each.probabilities is not None
    ]
    names = np.array([""] * 90 + ["x"] * 30)
    found = fit_combination(softmax[0], truth, softmax[1], names)
    assert set(found.summary.shares) == {"gen", "mahalanobis_normalised"}


def test_its_probability_is_calibrated_to_the_prevalence(rng: np.random.Generator) -> None:
    combination, seen, names = fit(rng)
    is_out = names != ""
    score = combination.score(seen)
    p = fit_outlier_probability(score, is_out, 0.2)(score)
    assert 0.2 * p[is_out].mean() + 0.8 * p[~is_out].mean() == pytest.approx(0.2, abs=1e-3)


def test_saved_and_loaded_it_scores_the_same(rng: np.random.Generator, tmp_path: Path) -> None:
    combination, seen, _ = fit(rng)
    save_combination(tmp_path / "c", combination)
    again = load_combination(tmp_path / "c")
    assert again is not None
    assert np.array_equal(again.score(seen), combination.score(seen))
    assert again.summary == combination.summary
    assert load_combination(tmp_path) is None


def test_a_damaged_file(rng: np.random.Generator, tmp_path: Path) -> None:
    combination, _, _ = fit(rng)
    save_combination(tmp_path / "c", combination)
    path = tmp_path / "c" / "combination.json"
    content = json.loads(path.read_text())
    content["components"][0]["share"] = 3.0
    sound = path.read_text()
    for text in ("{", json.dumps(content)):
        path.write_text(text)
        with pytest.raises(UsageError, match="no combination"):
            load_combination(tmp_path / "c")
    path.write_text(sound)
    (tmp_path / "c" / "mahalanobis_normalised.safetensors").unlink()
    with pytest.raises(UsageError, match="no such file"):
        load_combination(tmp_path / "c")


def test_bad_input(rng: np.random.Generator) -> None:
    combination, seen, names = fit(rng)
    truth = np.arange(150) % K
    training = seen.rows(slice(0, 150))
    with pytest.raises(UsageError, match="conditions for"):
        fit_combination(training, truth, seen, names[:-1])
    with pytest.raises(UsageError, match="too few inliers"):
        fit_combination(training, truth, seen.rows(slice(149, None)), names[149:])
    with pytest.raises(UsageError, match="embeddings"):
        combination.score(Observations(K, probabilities=seen.probabilities))
