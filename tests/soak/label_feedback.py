"""Five rounds of retraining on labels that readers gave with and without the AI's opinion.

`python -m tests.soak label_feedback --runs 100` simulates two arms in the same world. In each round
new cases arrive, and the appearance of the positives has changed a little, as with new cameras or
another population; how well they can be told apart at best has not. Most cases are read with the
opinion of the present system shown, and a reader takes it over with the probability `follow` (Adam
et al., Error amplification when updating deployed machine learning models, MLHC 2022). The system
is then trained again on the labels of the round: the naive arm on all of them, the other one on
those that the rule of the default retraining policy lets through. The AUROC is that on fresh cases
of the round with their true class.

With `follow` 0 no label is influenced, and the naive arm loses nothing: what it loses otherwise is
the influence. The arms start with equally many labels as ours has in each round.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from triage.gating.policy import GatePolicy
from triage.labels.label_rule import LabelRule
from triage.vocabulary.label_sources import LabelSource

ROUNDS = 5
MOST_LOSS = 0.01
CLEAR = 0.85
"""From this share of opinions taken over on, the naive arm has to lose more than `MOST_LOSS`."""
Array = NDArray[np.float64]

SHARES = {
    LabelSource.AI_VISIBLE: 0.75,
    LabelSource.BLIND: 0.15,
    LabelSource.ADJUDICATED: 0.05,
    LabelSource.HISTOLOGY: 0.05,
}
"""Of a round's cases, by how their label came about."""
ERRORS = {
    LabelSource.AI_VISIBLE: 0.15,
    LabelSource.BLIND: 0.15,
    LabelSource.ADJUDICATED: 0.05,
    LabelSource.HISTOLOGY: 0.0,
}
"""Of a reader who does not take the opinion over."""


@dataclass(frozen=True)
class World:
    """What the cases are like, and how often readers take over what they are shown."""

    features: int = 30
    shift: float = 1.5
    positives: float = 0.3
    first: int = 1500
    each_round: int = 6000
    follow: float = 0.85
    turn: float = 90.0

    def cases(
        self, generator: np.random.Generator, number: int, after: int
    ) -> tuple[Array, NDArray[np.bool_]]:
        """Return features [N, D] and the true classes [N] of a round.

        What tells the classes apart turns by `turn` degrees in all rounds together.
        """
        positive = generator.random(number) < self.positives
        features = generator.normal(size=(number, self.features))
        angle = np.radians(self.turn) * after / ROUNDS
        features[:, 0] += self.shift * np.cos(angle) * positive
        features[:, 1] += self.shift * np.sin(angle) * positive
        return features, positive


def labels_of(
    world: World,
    generator: np.random.Generator,
    truth: NDArray[np.bool_],
    opinion: NDArray[np.bool_],
    source: NDArray[np.str_],
) -> NDArray[np.bool_]:
    """Return what readers said, by how they read."""
    error = np.array([ERRORS[LabelSource(one)] for one in source])
    said = truth ^ (generator.random(len(truth)) < error)
    follows = (source == LabelSource.AI_VISIBLE.value) & (
        generator.random(len(truth)) < world.follow
    )
    return np.where(follows, opinion, said)


def rounds(world: World, rule: LabelRule, seed: int) -> list[float]:
    """Return the AUROC on fresh cases before the first round and after each.

    Parameters
    ----------
    world : World
    rule : LabelRule
        Which sources train.
    seed : int
        The same cases and readers for each rule.
    """
    generator = np.random.default_rng(seed)
    without_ai: dict[LabelSource, float] = {
        one: share for one, share in SHARES.items() if one is not LabelSource.AI_VISIBLE
    }
    features, truth = world.cases(generator, world.first, 0)
    source = _sources(generator, without_ai, world.first)
    labels = labels_of(world, generator, truth, truth, source)
    found: list[float] = []
    system = None
    for after in range(ROUNDS + 1):
        if system is not None:
            features, truth = world.cases(generator, world.each_round, after)
            source = _sources(generator, SHARES, len(features))
            opinion = system.predict(features).astype(bool)
            labels = labels_of(world, generator, truth, opinion, source)
        train = np.isin(source, [one.value for one in rule.sources])
        system = LogisticRegression(C=0.5, max_iter=300).fit(features[train], labels[train])
        test, test_truth = world.cases(np.random.default_rng([seed, after]), 10_000, after)
        found.append(float(roc_auc_score(test_truth, system.decision_function(test))))
    return found


def _sources(
    generator: np.random.Generator, shares: Mapping[LabelSource, float], number: int
) -> NDArray[np.str_]:
    weights = np.array(list(shares.values()))
    return generator.choice([one.value for one in shares], size=number, p=weights / weights.sum())


NAIVE = LabelRule(sources=tuple(LabelSource))


def compare(world: World, runs: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the AUROC [runs, 1 + rounds] of the naive arm and of the default policy's rule."""
    arms = (NAIVE, GatePolicy().labels)
    naive, ours = (np.array([rounds(world, rule, seed) for seed in range(runs)]) for rule in arms)
    return naive, ours


def main(arguments: list[str] | None = None) -> None:
    """Print both arms, and fail where ours loses more than the limit or the naive one nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--follow", type=float, nargs="*", default=[0.0, 0.5, 0.7, 0.85, 0.95])
    chosen = parser.parse_args(arguments)
    failed = False
    print(f"follow  arm     AUROC before, after rounds 1 to {ROUNDS}                 change (SE)")
    for follow in chosen.follow:
        for name, found in zip(
            ("naive", "ours"), compare(World(follow=follow), chosen.runs), strict=True
        ):
            change = found[:, -1] - found[:, 0]
            shown = "  ".join(f"{value:.3f}" for value in found.mean(axis=0))
            error = change.std() / np.sqrt(len(change))
            print(
                f"{follow:6.2f}  {name:6}  {shown}   {change.mean():+.4f} ({error:.4f})", flush=True
            )
            failed |= name == "ours" and change.mean() < -MOST_LOSS
            failed |= name == "naive" and follow >= CLEAR and change.mean() > -MOST_LOSS
    if failed:
        sys.exit(f"the default rule loses more than {MOST_LOSS}, or the naive one less")


if __name__ == "__main__":
    main()
