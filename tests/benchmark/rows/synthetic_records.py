"""Draws of a made-up benchmark, and names for its methods."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from triage.benchmark.draw_record import DrawRecord, Ensemble, MethodRecord


@dataclass(frozen=True)
class Name:
    """What the tables know of a method."""

    key: str
    head: str

    @property
    def name(self) -> str:
        return f"{self.key}@{self.head}"


def made_up_draw(
    seed: int,
    conditions: list[str],
    methods: list[Name],
    *,
    n_inliers: int = 120,
    n_outliers: int = 60,
    recorded: bool = True,
) -> DrawRecord:
    """Two inlier conditions; two cases a cluster; outliers of the named conditions in turn."""
    rng = np.random.default_rng(seed)
    n = n_inliers + n_outliers
    truth = np.r_[rng.integers(0, 2, n_inliers), np.full(n_outliers, -1)]
    outliers = np.array(
        [""] * n_inliers + [conditions[i % len(conditions)] for i in range(n_outliers)]
    )
    scores = {
        method.name: MethodRecord(
            {"test": rng.normal(size=n) + (place + 1) * 0.5 * (truth < 0)}, 0, 0, None
        )
        for place, method in enumerate(methods)
    }
    return DrawRecord(
        seed=seed,
        inliers=("a", "b"),
        truth={"test": truth},
        clusters={"test": rng.permutation(np.arange(n) // 2 + 50 * seed)},
        subgroups=pd.DataFrame(
            {
                "tone": rng.choice(["I", "II"], n),
                "site": np.where(np.arange(n) < 4, "nose", "unknown"),
            }
        ),
        heads={
            method.head: Ensemble({"test": rng.dirichlet(np.ones(2), n)}, 1.0, 2)
            for method in methods
        },
        results=scores,
        outliers=outliers if recorded else None,
    )
