"""Made-up tables of cases that the engine is tested on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from triage.auditing.audit_plan import AuditPlan, IntervalSettings
from triage.auditing.audit_table import AuditTable, LevelCodes
from triage.evaluation import Outcomes
from triage.vocabulary.subgroup_levels import UNKNOWN

CLASSES = ("a", "b", "c", "d")
URGENCY = np.array([0, 1, 2, 3])


def make_table(
    n: int = 400, patients: int = 150, seed: int = 0, *, unlabelled: float = 0.0
) -> AuditTable:
    """Cases of which a fifth are outliers, with every column there is."""
    g = np.random.default_rng(seed)
    k = len(CLASSES)
    member = g.permutation(np.r_[np.arange(patients), g.integers(0, patients, n - patients)])
    truth = np.where(g.random(n) < 0.2, -1, g.integers(0, k, n))
    truth[g.random(n) < unlabelled] = -2
    logits = 1.3 * g.normal(size=(n, k))
    logits[np.arange(n), np.maximum(truth, 0)] += 1.6 * (truth >= 0)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    p = p.astype(np.float32)
    urgency = np.where(truth >= 0, URGENCY[truth], np.where(truth == -1, 1, -1))
    reads = g.choice([-1, 0, 1], p=[0.2, 0.3, 0.5], size=(2, n))
    skin = g.integers(0, 3, patients)[member]
    return AuditTable(
        classes=CLASSES,
        truth=truth.astype(np.int16),
        cluster=member.astype(np.int32),
        patients_known=True,
        axes={
            "skin": LevelCodes(("I", "VI", UNKNOWN), skin.astype(np.int16)),
            "site": LevelCodes(("x", "y"), g.integers(0, 2, n).astype(np.int16)),
        },
        probabilities=p,
        ood_score=np.round(g.normal(size=n) + (truth == -1), 2),
        abstained=g.random(n) < 0.3,
        cost=g.choice([0.0, 1.0, 4.5], size=n),
        true_urgency=urgency.astype(np.int8),
        queue_urgency=np.minimum(URGENCY[p.argmax(axis=1)], 3).astype(np.int8),
        p_urgent=p[:, 0],
        first_right=reads[0].astype(np.int8),
        final_right=reads[1].astype(np.int8),
        final_urgency=g.integers(-1, 4, n).astype(np.int8),
        seconds=np.where(g.random(n) < 0.1, np.nan, g.gamma(2, 20, n)).astype(np.float32),
        ai_shown=(g.random(n) < 0.9).astype(np.int8),
    )


def make_plan(**changed: Any) -> AuditPlan:
    """A plan with few resamples."""
    settings = IntervalSettings(**({"replicates": 200} | changed.pop("intervals", {})))
    return AuditPlan(
        title="test", source="nobody", created_at=datetime(2026, 1, 1, tzinfo=UTC),
        intervals=settings, **changed,
    )  # fmt: skip


def outcomes_of(table: AuditTable, outlier_prevalence: float | None = None) -> Outcomes:
    """The same labelled cases as an evaluation reads them."""
    kept = table.take(np.flatnonzero(table.labelled))
    probabilities = kept.probabilities.astype(np.float64)
    return Outcomes(
        classes=kept.classes,
        truth=kept.truth.astype(np.int64),
        probabilities=probabilities,
        ood_score=kept.ood_score,
        abstained=kept.abstained,
        cost=kept.cost,
        true_urgency=kept.true_urgency.astype(np.int64),
        queue_urgency=kept.queue_urgency.astype(np.int64),
        cluster=kept.cluster.astype(str),
        subgroups=pd.DataFrame(index=range(len(kept))),
        outlier_prevalence=outlier_prevalence,
    )


def shuffled(table: AuditTable, seed: int = 1) -> AuditTable:
    """The same cases in another order, their patients numbered anew."""
    g = np.random.default_rng(seed)
    number = g.permutation(int(table.cluster.max()) + 1).astype(np.int32)
    mixed = table.take(g.permutation(len(table)))
    return replace(mixed, cluster=number[mixed.cluster])
