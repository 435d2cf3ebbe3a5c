"""Results on tissue maps, as JSON-ready models with a schema version."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from triage.evaluation.results import Estimate


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClassScores(_Model):
    """Scores of one class, means over the volumes whose truth has it.

    `dice_pooled` is taken over the voxels of all volumes together, where inventions count
    too; `n_invented` counts the volumes that have the class in the prediction only, `n_missed`
    those that have it in the truth only: no distance exists there, so `assd` and `hd95` speak
    of the others. `ece` is over all voxels, `ece_relevant` over those of the class or most
    probably so; None where no probabilities were given.
    """

    name: str
    n_volumes: int
    n_missed: int
    n_invented: int
    dice: Estimate
    dice_pooled: float | None
    assd: Estimate
    hd95: Estimate
    qubrats: Estimate
    ece: float | None
    ece_relevant: float | None


class SegmentationResult(_Model):
    """What was measured of tissue maps; `mean_dice` is the mean of the classes present."""

    schema_version: Literal["triage-segmentation-1"] = "triage-segmentation-1"
    n_volumes: int
    n_patients: int
    n_resamples: int
    seed: int
    confidence: float
    mean_dice: Estimate
    classes: list[ClassScores]

    def __getitem__(self, name: str) -> ClassScores:
        """Return the scores of one class."""
        return next(scores for scores in self.classes if scores.name == name)
