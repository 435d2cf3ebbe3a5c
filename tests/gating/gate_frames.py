"""Predictions for the gate, made from a seed: how often a system is right is what is given."""

from __future__ import annotations

import numpy as np
import pandas as pd

from triage.data.spec import DataSpec
from triage.gating.gate_table import GateTable, gate_table_of_frame

OUTLIERS = 0.1


def frame(spec: DataSpec, right: float, seed: int, cases: int = 800) -> pd.DataFrame:
    """Predictions of a system on the same cases, whatever the seed.

    Parameters
    ----------
    right : float
        Share of cases of known conditions that are named right.
    seed : int
        Of the system.
    """
    world = np.random.default_rng(0)
    known = [one for one in spec.conditions if str(one.role) == "inlier"]
    others = [one for one in spec.conditions if str(one.role) != "inlier"]
    is_outlier = world.random(cases) < OUTLIERS
    labels = [
        others[world.integers(len(others))] if out else known[world.integers(len(known))]
        for out in is_outlier
    ]
    system = np.random.default_rng([1, seed])
    hit = system.random(cases) < right
    said = [
        label if one and not out else known[system.integers(len(known))]
        for label, one, out in zip(labels, hit, is_outlier, strict=True)
    ]
    return pd.DataFrame(
        {
            "case_id": [f"c{number:05d}" for number in range(cases)],
            "patient_id": [f"p{number:05d}" for number in range(cases)],
            "label": [one.name for one in labels],
            "condition": [one.name for one in said],
            "recommendation": [str(one.urgency) for one in said],
            "ood_score": system.normal(size=cases) + 2.0 * is_outlier,
        }
    )


def table(spec: DataSpec, right: float, seed: int, cases: int = 800) -> GateTable:
    """The gate's table of such predictions."""
    return gate_table_of_frame(frame(spec, right, seed, cases), spec)
