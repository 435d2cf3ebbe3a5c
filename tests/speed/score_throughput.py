"""Cases a second of every score that reads embeddings, logits or features."""

from __future__ import annotations

import time
import tracemalloc
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from tests.speed.timing import seconds
from triage.errors import UsageError
from triage.uncertainty.member_head import MemberHead
from triage.uncertainty.observations import Observations
from triage.uncertainty.scores import SCORES
from triage.uncertainty.scores.score import Need, Score

WIDTH, TRAINING, CLASSES, CASES = 1024, 5000, 10, 20_000
THREADS = 2
MEASURED = (Need.EMBEDDINGS, Need.FEATURES, Need.LOGITS, Need.GRADIENTS, Need.PROBABILITIES)


def draw(n: int, seed: int) -> tuple[Observations, np.ndarray]:
    """Cases about ten centres, their variance falling with the axis as real embeddings' does."""
    rng = np.random.default_rng(seed)
    shared = np.random.default_rng(0)
    centres = shared.normal(size=(CLASSES, WIDTH)).astype(np.float32) / 4
    head = MemberHead.linear(
        shared.normal(size=(CLASSES + 1, WIDTH)).astype(np.float32) / 32,
        np.zeros(CLASSES + 1, np.float32),
    )
    truth = rng.integers(CLASSES, size=n)
    embedding = rng.standard_normal((n, WIDTH), np.float32)
    embedding *= np.arange(1, WIDTH + 1, dtype=np.float32) ** -0.35
    embedding += centres[truth]
    probabilities = rng.dirichlet(np.ones(CLASSES + 1), n).astype(np.float32)[:, None]
    return Observations(CLASSES, probabilities, embedding, heads=(head,)), truth


def peak(score: Score, cases: Observations) -> float:
    """MiB allocated while cases are scored, beyond what was there before."""
    tracemalloc.start()
    score.score(cases)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / 2**20


def main() -> None:
    """Print one line a score: speed, as a ratio to Mahalanobis too, time to fit, and memory."""
    seen, truth = draw(TRAINING, 1)
    cases, _ = draw(CASES, 2)
    more = cases.rows(np.arange(2 * CASES) % CASES)
    print(
        f"scores: {WIDTH:,} dimensions, {TRAINING:,} training cases, {CLASSES} classes, "
        f"{CASES:,} test cases, {THREADS} threads"
    )
    print(f"  {'score':<32}{'cases/s':>10}{'ratio':>8}{'fit, s':>8}{'MiB':>8}{'MiB at 2x':>11}")
    keys = sorted(SCORES, key=lambda key: (key != "mahalanobis", str(SCORES[key].need), key))
    reference = None
    with threadpool_limits(THREADS):
        for key in keys:
            if SCORES[key].need not in MEASURED:
                continue
            start = time.perf_counter()
            try:
                score = SCORES[key]().fit(seen, truth)
            except UsageError as error:
                print(f"  {key:<32}{error.what}")
                continue
            fitting = time.perf_counter() - start
            taken = seconds(partial(score.score, cases))
            reference = reference or taken
            print(
                f"  {key:<32}{CASES / taken:>10,.0f}{reference / taken:>8.2f}{fitting:>8.2f}"
                f"{peak(score, cases):>8.0f}{peak(score, more):>11.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
