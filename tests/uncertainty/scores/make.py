"""Cases around class centres, cases far from them, and the golden values of another library."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.special import softmax

from triage.uncertainty.member_head import MemberHead
from triage.uncertainty.observations import ImageText, Observations
from triage.uncertainty.scores.score import Score

K, OUT, WIDTH, HALF, MAP = 3, 2, 16, 8, 12
KNOWN = np.eye(K, HALF)
UNKNOWN = np.eye(HALF)[[-1]]


def heads(n_inliers: int = K, n_outliers: int = OUT) -> tuple[MemberHead, ...]:
    """Two members on two backbones: a linear head, and one with a hidden layer."""
    rng = np.random.default_rng(0)
    last = np.zeros((n_inliers + n_outliers, HALF), np.float32)
    last[:n_inliers] = 3 * np.eye(n_inliers, HALF)
    last[n_inliers:] = -np.eye(HALF)[:n_outliers]
    bias = rng.normal(0, 0.1, len(last)).astype(np.float32)
    centre, scale = np.full(HALF, 0.1, np.float32), np.full(HALF, 0.9, np.float32)
    hidden = (np.eye(HALF, dtype=np.float32), np.full(HALF, 0.2, np.float32))
    return (
        MemberHead(slice(0, HALF), centre, scale, last, bias),
        MemberHead(slice(HALF, WIDTH), centre, scale, last, bias, hidden),
    )


def observe(
    embedding: np.ndarray, *, n_inliers: int = K, n_outliers: int = OUT, blocks: int = 2
) -> Observations:
    """Everything a score may need of embeddings [N, 16]; feature maps follow the embedding."""
    members = heads(n_inliers, n_outliers)
    probabilities = [softmax(one.logits(one.features(embedding)), axis=1) for one in members]
    images = embedding[:, :HALF].astype(np.float64)
    images = images / np.maximum(np.linalg.norm(images, axis=1, keepdims=True), 1e-9)
    edges = np.linspace(0, WIDTH, blocks + 1).astype(int)
    return Observations(
        n_inliers=n_inliers,
        probabilities=np.stack(probabilities, axis=1),
        embedding=embedding,
        blocks=tuple(slice(a, b) for a, b in pairwise(edges)),
        heads=members,
        maps=(np.abs(embedding[:, :MAP]) / 8, 1 / (1 + np.abs(embedding))),
        image_text=ImageText(images, KNOWN[:n_inliers], UNKNOWN, 10.0),
    )


def draw_inliers(n: int, seed: int, n_inliers: int = K) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings float32 [N, 16] around a centre a class, and their classes."""
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.arange(n) % n_inliers)
    # Each backbone's half lies near a plane, which is what residuals are measured from.
    spread = np.where(np.arange(HALF) < 4, 0.3, 0.03)
    noise = rng.normal(size=(n, WIDTH)) * np.tile(spread, 2)
    return (np.tile(2 * np.eye(K, HALF)[truth], 2) + noise).astype(np.float32), truth


def draw_far(n: int, seed: int) -> np.ndarray:
    """Embeddings of nothing known: the opposite way, and off the plane."""
    rng = np.random.default_rng(seed)
    centre = np.where(np.arange(HALF) < K, -1.0, 2.0)
    return (np.tile(centre, 2) + 0.3 * rng.normal(size=(n, WIDTH))).astype(np.float32)


def fitted(score: Score, n: int = 300, **changes: int) -> Score:
    """The score, fitted on training cases."""
    embedding, truth = draw_inliers(n, 1, changes.get("n_inliers", K))
    return score.fit(observe(embedding, **changes), truth)


@dataclass(frozen=True)
class Golden:
    """Inputs, and what another library makes of them."""

    train: Observations
    truth: np.ndarray
    test: Observations
    head: MemberHead
    scores: dict[str, np.ndarray]


def read_golden(shared: Path) -> Golden:
    inputs = np.load(shared / "golden" / "inputs.npz")
    said = json.loads((shared / "golden" / "detector_scores.json").read_text())["detectors"]
    head = MemberHead.linear(inputs["weight"], inputs["bias"])

    def seen(part: str) -> Observations:
        return Observations(
            n_inliers=5,
            probabilities=softmax(inputs[f"{part}_logits"].astype(np.float64), axis=1)[:, None],
            embedding=inputs[f"{part}_features"],
            heads=(head,),
        )

    scores = {key: np.array(value["scores"]) for key, value in said.items()}
    return Golden(seen("train"), inputs["train_labels"], seen("test"), head, scores)
