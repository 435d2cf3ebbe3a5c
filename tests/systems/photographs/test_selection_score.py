"""The score of any ensemble of candidates: as if it were fitted to that ensemble alone."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
import pytest

from triage.systems.photographs.member_selection import select_diverse
from triage.systems.photographs.selection_score import SelectionScore
from triage.uncertainty.auroc import auroc
from triage.uncertainty.combination import fit_combination
from triage.uncertainty.member_head import MemberHead
from triage.uncertainty.observations import Observations
from triage.uncertainty.scores.outlier_mass import OutlierMass

K, CLASSES, WIDTH = 3, 5, 4
BACKBONES = (0, 0, 1)
"""Of the three candidates."""
BLOCKS = (slice(0, WIDTH), slice(WIDTH, 2 * WIDTH))


def probabilities(chance: np.random.Generator, truth: np.ndarray, skill: list[float]) -> np.ndarray:
    """Softmax [N, M, C]; `skill` is how well each candidate knows an outlier, -1 in `truth`."""
    logits = chance.normal(size=(len(truth), len(skill), CLASSES))
    logits[np.arange(len(truth)), :, truth] += 2.0 * (truth >= 0)[:, None]
    logits[:, :, K:] += np.array(skill)[:, None] * (truth < 0)[:, None, None]
    powers = np.exp(logits)
    return (powers / powers.sum(axis=2, keepdims=True)).astype(np.float32)


def embeddings(chance: np.random.Generator, truth: np.ndarray, far: list[float]) -> np.ndarray:
    """Each backbone's embedding; outliers lie so far from the conditions."""
    centre = np.eye(WIDTH)[np.clip(truth, 0, None)] * 4 * (truth >= 0)[:, None]
    found = []
    for distance in far:
        block = centre + chance.normal(size=(len(truth), WIDTH))
        block[truth < 0] += distance
        found.append(block)
    return np.concatenate(found, axis=1).astype(np.float32)


def heads(chance: np.random.Generator) -> tuple[MemberHead, ...]:
    return tuple(
        MemberHead(
            columns=BLOCKS[backbone],
            centre=np.zeros(WIDTH, np.float32),
            scale=np.ones(WIDTH, np.float32),
            weight=chance.normal(size=(CLASSES, WIDTH)).astype(np.float32),
            bias=np.zeros(CLASSES, np.float32),
        )
        for backbone in BACKBONES
    )


def part_of(seen: Observations, chosen: list[int]) -> Observations:
    """The same cases as these candidates alone saw them."""
    used = sorted({BACKBONES[m] for m in chosen})
    place = {backbone: n for n, backbone in enumerate(used)}
    assert seen.embedding is not None
    assert seen.probabilities is not None
    columns = {b: slice(n * WIDTH, (n + 1) * WIDTH) for b, n in place.items()}
    return Observations(
        n_inliers=K,
        probabilities=seen.probabilities[:, chosen],
        embedding=np.concatenate([seen.embedding[:, BLOCKS[b]] for b in used], axis=1),
        blocks=tuple(columns.values()),
        heads=tuple(
            MemberHead(
                columns=columns[BACKBONES[m]],
                centre=seen.heads[m].centre,
                scale=seen.heads[m].scale,
                weight=seen.heads[m].weight,
                bias=seen.heads[m].bias,
            )
            for m in chosen
        ),
    )


def make(
    seed: int, skill: list[float], far: list[float]
) -> tuple[Observations, np.ndarray, Observations, np.ndarray]:
    chance = np.random.default_rng(seed)
    trained = np.arange(150) % K
    seen = np.where(np.arange(160) % 4 == 3, -1, np.arange(160) % K)
    shared = heads(chance)
    training, validation = (
        Observations(
            n_inliers=K,
            probabilities=probabilities(chance, truth, skill),
            embedding=embeddings(chance, truth, far),
            blocks=BLOCKS,
            heads=shared,
        )
        for truth in (trained, seen)
    )
    return training, trained, validation, seen


SHARES = {"outlier_mass": 0.3, "mahalanobis_normalised": 0.5, "energy": 0.2}


def test_every_ensemble_scores_as_if_fitted_to_it() -> None:
    training, trained, validation, seen = make(0, [1.0, 0.5, 0.2], [0.5, 1.5])
    conditions = np.where(seen < 0, "new", "")
    whole = fit_combination(training, trained, validation, conditions, fixed=SHARES)
    quick = SelectionScore.of(whole, validation, BACKBONES, seen >= 0)
    assert validation.probabilities is not None
    for count in (1, 2, 3):
        for chosen in map(list, combinations_with_replacement(range(3), count)):
            own = fit_combination(
                part_of(training, chosen),
                trained,
                part_of(validation, chosen),
                conditions,
                fixed=SHARES,
            )
            averaged = validation.probabilities[:, chosen].mean(axis=1, dtype=np.float64)
            expected = own.score(part_of(validation, chosen))
            found = quick(chosen, averaged)
            np.testing.assert_allclose(1 / (1 + np.exp(-found)), expected, atol=1e-6)


def test_the_deciding_score_may_choose_another_member_than_the_heads_own() -> None:
    """The first candidate knows outliers best, but only the last one's backbone sees them far."""
    training, trained, validation, seen = make(1, [2.0, 0.0, 0.0], [0.0, 6.0])
    shares = {"outlier_mass": 0.1, "mahalanobis_normalised": 0.9}
    conditions = np.where(seen < 0, "new", "")
    whole = fit_combination(training, trained, validation, conditions, fixed=shares)
    quick = SelectionScore.of(whole, validation, BACKBONES, seen >= 0)
    assert validation.probabilities is not None
    mass = OutlierMass()
    outlier = seen < 0

    def own(_: object, averaged: np.ndarray) -> np.ndarray:
        return mass.of(averaged, K)

    assert select_diverse(validation.probabilities, outlier, own, 1) == [0]
    chosen = select_diverse(validation.probabilities, outlier, quick, 1)
    assert chosen == [2]
    reached, missed = (
        auroc(quick([m], validation.probabilities[:, m].astype(float)), outlier) for m in (2, 0)
    )
    assert reached > missed + 0.05


@pytest.mark.parametrize("key", ["knn", "vim"])
def test_parts_average_to_the_score(key: str) -> None:
    training, trained, validation, seen = make(2, [1.0, 0.5, 0.2], [0.5, 1.5])
    whole = fit_combination(
        training, trained, validation, np.where(seen < 0, "new", ""), fixed={key: 1.0}
    )
    (score,) = whole.scores
    parts = score.part_scores(validation)
    np.testing.assert_allclose(parts.mean(axis=1), score.score(validation), rtol=1e-5)
