"""Small predictions and policies to test with."""

from typing import Any

import numpy as np
import pandas as pd

from triage.data.spec import Costs
from triage.decisions.policy import KnownCondition, Policy
from triage.predictions import Predictions
from triage.uncertainty.outlier_probability import OutlierProbability
from triage.vocabulary.clinical import Risk, Urgency

CONDITIONS = (
    KnownCondition(name="melanoma", risk=Risk.HIGH, urgency=Urgency.URGENT),
    KnownCondition(name="bullous", risk=Risk.HIGH, urgency=Urgency.SEMI_URGENT),
    KnownCondition(name="eczema", risk=Risk.LOW, urgency=Urgency.ROUTINE),
    KnownCondition(name="naevus", risk=Risk.LOW, urgency=Urgency.OBSERVATION),
)
CLASSES = (*(condition.name for condition in CONDITIONS), "rare a", "rare b")


def make_policy(**changes: Any) -> Policy:
    given: dict[str, Any] = {
        "conditions": CONDITIONS,
        "score": "outlier_mass",
        "temperature": 1.0,
        "outlier_probability": OutlierProbability(slope=1.0, intercept=0.0),
        "saving_threshold": 0.0,
        "costs": Costs(),
        "outlier_prevalence": 0.2,
    }
    return Policy(**(given | changes))


def make_predictions(
    probabilities: np.ndarray, labels: list[str | None] | None = None, **changes: Any
) -> Predictions:
    """Cases c0, c1, ... from member probabilities [N, M, C] or, of one member, [N, C]."""
    p = np.asarray(probabilities, dtype=np.float32)
    p = p[:, None, :] if p.ndim == 2 else p
    names = [f"c{k}" for k in range(len(p))]
    given: dict[str, Any] = {
        "cases": pd.DataFrame(
            {
                "case_id": names,
                "patient_id": names,
                "cluster": names,
                "label": pd.Series(labels or [None] * len(p), dtype=object),
            }
        ),
        "classes": CLASSES,
        "n_inliers": len(CONDITIONS),
        "members": tuple(f"m{k}" for k in range(p.shape[1])),
        "probabilities": p,
        "embedding": np.zeros((len(p), 1), dtype=np.float32),
    }
    return Predictions(**(given | changes))


def random_probabilities(
    seed: int, n: int, members: int = 3, concentration: float = 0.4
) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.full(len(CLASSES), concentration), size=(n, members))
