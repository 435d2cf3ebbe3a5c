"""Which labels may train, as a policy states it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from triage.vocabulary.label_sources import LabelSource


class LabelRule(BaseModel):
    """Which labels from reviews may train, and how many are needed.

    Parameters
    ----------
    sources : tuple of LabelSource
        By default not those of readers who had seen the AI's opinion.
    min_labels : int
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: tuple[LabelSource, ...] = (
        LabelSource.HISTOLOGY,
        LabelSource.ADJUDICATED,
        LabelSource.BLIND,
    )
    min_labels: int = Field(1, ge=0)
