"""Backbone, pooling and head as one network, for fine-tuning end to end."""

from __future__ import annotations

from torch import Tensor, nn

from triage.models.backbone import Backbone
from triage.models.heads import Head
from triage.models.pooling import pool_by_case


class CaseNetwork(nn.Module):
    """Images of cases to logits.

    Parameters
    ----------
    backbone : Backbone
    head : Head
        On the backbone's width.
    freeze_normalisation : bool
        Keep batch normalisation in evaluation mode: pretrained statistics are better than
        those of small batches, and some checkpoints have them folded into the convolutions.
    """

    def __init__(self, backbone: Backbone, head: Head, *, freeze_normalisation: bool) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.freeze_normalisation = freeze_normalisation

    def forward(self, inputs: tuple[Tensor, Tensor, int]) -> Tensor:
        """Map (pixels [J, 3, S, S], owner [J], B) to logits [B, C]."""
        pixels, owner, n_cases = inputs
        logits: Tensor = self.head(pool_by_case(self.backbone(pixels).float(), owner, n_cases))
        return logits

    def train(self, mode: bool = True) -> CaseNetwork:
        """Set training mode, but for frozen batch normalisation."""
        super().train(mode)
        if mode and self.freeze_normalisation:
            for module in self.backbone.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self
