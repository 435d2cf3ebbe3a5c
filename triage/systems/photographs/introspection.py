"""Introspective self-play before a head is trained: which training cases it only knows by heart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from triage.heads import HeadKind
from triage.heads.introspective import flagged
from triage.models.case_inputs import EmbeddingInputs
from triage.models.introspection import Predict, Rows, introspect
from triage.systems.photographs.plan import TrainingPlan


def with_flags(plan: TrainingPlan, inputs: EmbeddingInputs, seed: int) -> TrainingPlan:
    """Return the plan with the underrepresented training cases flagged; see `flagged`.

    Plain heads are cross-trained for it, each on all folds but one.
    """
    settings = plan.settings.model_copy(update={"head": HeadKind.SOFTMAX})
    embeddings = inputs.embeddings[plan.train]

    def train(rows: Rows) -> Predict:
        chosen = torch.from_numpy(rows)
        part = replace(
            plan,
            settings=settings,
            classes=plan.classes[: plan.n_inliers],
            train=plan.train[chosen],
            train_targets=plan.train_targets[chosen],
        )
        head = part.new_head(embeddings.shape[1], seed)
        head.standardise_by(embeddings[chosen])
        part.fit_one(head, inputs, seed, None, every=settings.fit.epochs)

        def predict(asked: Rows) -> NDArray[np.floating]:
            with torch.inference_mode():
                found: NDArray[np.float32] = head(embeddings[asked]).softmax(1).numpy()
            return found

        return predict

    found = introspect(train, plan.train_targets.numpy(), seed=seed)
    flags = torch.from_numpy(found.underrepresented)
    return replace(plan, train_targets=flagged(plan.train_targets, flags, plan.n_inliers))
