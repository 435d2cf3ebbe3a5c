"""Outcomes of a made-up system, hard enough that nothing is perfect."""

import numpy as np
import pandas as pd

from triage.evaluation import Outcomes

CLASSES = ("acne", "basal cell carcinoma", "folliculitis", "melanoma", "squamous cell carcinoma")
URGENCY = np.array([3, 1, 2, 0, 1])
SKIN = ("I", "II", "III", "IV", "V", "VI", "unknown")


def make_outcomes(n_clusters=200, seed=0, *, classes=CLASSES, outlier_share=0.3, skill=2.0):
    """Clusters of one to three alike cases; outliers score higher on average."""
    rng = np.random.default_rng(seed)
    sizes = rng.choice([1, 2, 3], p=[0.6, 0.3, 0.1], size=n_clusters)
    member = np.repeat(np.arange(n_clusters), sizes)
    n, k = len(member), len(classes)
    kind = np.where(rng.random(n_clusters) < outlier_share, -1, rng.integers(k, size=n_clusters))
    truth = kind[member]
    difficulty = rng.normal(size=n_clusters)[member]
    logits = rng.normal(size=(n, k))
    logits[np.arange(n), truth] += np.where(truth >= 0, skill + 0.7 * difficulty, 0)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    score = np.round(rng.normal(size=n) + 1.2 * (truth < 0) - 0.2 * difficulty, 2)
    abstained = score > 0.8
    true_urgency = np.where(truth >= 0, URGENCY[truth % len(URGENCY)], member % 4)
    guess = probabilities.argmax(axis=1)
    queue = np.where(abstained, 1, URGENCY[guess % len(URGENCY)])
    cost = np.where(truth < 0, np.where(abstained, 0.0, 2.0), np.where(guess == truth, 0.0, 1.0))
    cost[(truth >= 0) & abstained] = 0.5
    age = rng.choice(["00-19", "20-39", "40-59", "60+"], size=n_clusters)[member]
    skin = rng.choice(SKIN, p=[0.2, 0.25, 0.2, 0.15, 0.1, 0.02, 0.08], size=n_clusters)[member]
    sex = rng.choice(["female", "male", "unknown"], p=[0.5, 0.45, 0.05], size=n_clusters)[member]
    return Outcomes(
        classes=tuple(classes),
        truth=truth,
        probabilities=probabilities,
        ood_score=score,
        abstained=abstained,
        cost=cost,
        true_urgency=true_urgency,
        queue_urgency=queue,
        cluster=np.array([f"p{index}" for index in member]),
        subgroups=pd.DataFrame({"skin type": skin, "age": age, "sex": sex}),
    )
