"""The frozen backbones that heads are trained on."""

from __future__ import annotations

from triage.backbones.backbone import Backbone
from triage.models.load_backbone import load_backbone
from triage.models.settings import TrainSettings


def load_backbones(settings: TrainSettings) -> dict[str, Backbone]:
    """Load the frozen backbones of settings, by reference."""
    return {
        reference: load_backbone(
            reference,
            stages=settings.stages,
            views=settings.views,
            execution=settings.execution,
        )
        for reference in settings.backbones
    }
