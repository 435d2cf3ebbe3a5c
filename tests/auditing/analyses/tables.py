"""Generated tables and plans of audits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from triage.auditing.audit_plan import AuditPlan, Axis, PlannedCondition, SkinTone
from triage.auditing.audit_table import UNLABELLED, AuditTable, LevelCodes
from triage.auditing.measurement import Analysis, NamedNumber
from triage.decisions.cost_matrix import CostMatrix
from triage.vocabulary.clinical import Urgency

NAMES = ("a", "b", "c", "d", "x", "y")
"""Four known conditions, one of each urgency, and two unknown ones."""
NEEDED = (0, 1, 2, 3, 0, 2)
SKIN = ("I", "II", "III", "unknown")


def table(n: int = 600, *, cases_a_patient: int = 2, seed: int = 0) -> AuditTable:
    """Return a table with every column."""
    draw = np.random.default_rng(seed)
    patient = np.arange(n) // cases_a_patient
    skin = draw.integers(0, len(SKIN), patient.max() + 1)[patient]
    probabilities = draw.dirichlet(np.ones(4), n).astype(np.float32)
    label = (probabilities.cumsum(axis=1) > draw.random(n)[:, None]).argmax(axis=1)
    outlier = draw.random(n) < 0.15
    label[outlier] = draw.integers(4, 6, outlier.sum())
    predicted = probabilities.argmax(axis=1)
    abstained = draw.random(n) < np.where(outlier, 0.4, 0.1)
    needed = np.array(NEEDED)[label]
    first = draw.random(n) < 0.6
    return AuditTable(
        classes=NAMES[:4],
        truth=np.where(outlier, -1, label).astype(np.int16),
        cluster=patient.astype(np.int32),
        patients_known=True,
        axes={
            "skin": LevelCodes(SKIN, skin.astype(np.int16)),
            "site": LevelCodes(("north", "south"), draw.integers(0, 2, n).astype(np.int16)),
        },
        predicted=predicted.astype(np.int16),
        probabilities=probabilities,
        ood_score=draw.normal(size=n) + outlier,
        abstained=abstained,
        true_urgency=needed.astype(np.int8),
        queue_urgency=np.where(abstained, np.minimum(predicted, 1), predicted).astype(np.int8),
        p_urgent=probabilities[:, 0],
        first_right=first.astype(np.int8),
        final_right=(first ^ (draw.random(n) < 0.2)).astype(np.int8),
        first_urgency=np.clip(needed + draw.integers(-1, 2, n), 0, 3).astype(np.int8),
        final_urgency=np.clip(needed + draw.integers(-1, 2, n), 0, 3).astype(np.int8),
        seconds=draw.exponential(30, n).astype(np.float32),
        ai_shown=(draw.random(n) < 0.7).astype(np.int8),
        label_names=NAMES,
        label_codes=label.astype(np.int16),
    )


def costs() -> CostMatrix:
    """Return costs of under- and over-triage in steps."""
    steps = np.arange(4)[None] - np.array(NEEDED)[:, None]
    rows = np.where(steps > 0, 2.0 * steps**2, -0.5 * steps)
    return CostMatrix(
        conditions=NAMES,
        urgency=tuple((a, b, c, d) for a, b, c, d in rows.tolist()),
        abstain_known=(0.3, 0.3, 0.4, 0.3, 0.3, 0.3),
        abstain_unknown=(0.1,) * 6,
        wrong_name=1.0,
        named_unknown=1.5,
    )


def plan(**changed: Any) -> AuditPlan:
    """Return a plan with costs and two axes."""
    skin = Axis(
        name="skin",
        column="skin",
        skin_tone=SkinTone(scale="fitzpatrick", method="clinician", raters=2),
        burden={"I": 1.0, "II": 3.0, "III": 10.0},
        burden_source="generated table, 2026",
        confusion={
            "I": {"I": 0.8, "II": 0.2},
            "II": {"I": 0.1, "II": 0.8, "III": 0.1},
            "III": {"II": 0.2, "III": 0.8},
        },
    )
    given: dict[str, Any] = {
        "title": "audit",
        "source": "tests",
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "axes": (skin, Axis(name="site", column="site")),
        "costs": costs(),
        "conditions": tuple(
            PlannedCondition(name=name, known=name in "abcd", urgency=list(Urgency)[rank])
            for name, rank in zip(NAMES, NEEDED, strict=True)
        ),
    }
    return AuditPlan(**(given | changed))


def partly_verified(full: AuditTable, seed: int = 1) -> AuditTable:
    """Return a table in which the less urgent a case was queued, the rarer is its label."""
    assert full.queue_urgency is not None
    assert full.true_urgency is not None
    share = np.array([0.9, 0.7, 0.5, 0.3])[full.queue_urgency]
    seen = np.random.default_rng(seed).random(len(full)) < share
    return replace(
        full,
        truth=np.where(seen, full.truth, UNLABELLED).astype(np.int16),
        true_urgency=np.where(seen, full.true_urgency, -1).astype(np.int8),
        label_codes=None,
    )


def number(analysis: Analysis, key: str, axis: str = "overall", level: str = "all") -> NamedNumber:
    """Return the one number of a key, axis and level."""
    (found,) = (
        each for each in analysis.numbers if (each.key, each.axis, each.level) == (key, axis, level)
    )
    return found
