"""Backbone, pooling and head as one network, for fine-tuning end to end."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from triage.backbones.backbone import Backbone
from triage.heads import HeadNetwork
from triage.models.case_inputs import ImageInputs
from triage.models.pooling import pool_by_case

BATCH = 64


class CaseNetwork(nn.Module):
    """Network from the images of cases to logits.

    Parameters
    ----------
    backbone : Backbone
    head : HeadNetwork
        On the backbone's width.
    freeze_normalisation : bool
        Keep batch normalisation in evaluation mode: pretrained statistics are better than
        those of small batches, and some checkpoints have them folded into the convolutions.
    """

    def __init__(
        self, backbone: Backbone, head: HeadNetwork, *, freeze_normalisation: bool
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.freeze_normalisation = freeze_normalisation

    def forward(self, inputs: tuple[Tensor, Tensor, int]) -> Tensor:
        """Map (pixels [J, 3, S, S], owner [J], B) to logits [B, C]."""
        logits: Tensor = self.head(self._pooled(inputs))
        return logits

    def after_step(self, targets: Tensor) -> None:
        """Update the head with the targets [B] of the last training batch."""
        self.head.after_step(targets)

    def embed(self, inputs: ImageInputs, rows: Tensor) -> Tensor:
        """Embeddings of some cases as the head receives them, float32 [N, D]."""
        self.eval()
        with torch.inference_mode():
            parts = [self._pooled(inputs.batch(part, None)) for part in rows.split(BATCH)]
        return torch.cat(parts)

    def _pooled(self, inputs: tuple[Tensor, Tensor, int]) -> Tensor:
        pixels, owner, n_cases = inputs
        return pool_by_case(self.backbone(pixels).float(), owner, n_cases)

    def train(self, mode: bool = True) -> CaseNetwork:
        """Set training mode, except for frozen batch normalisation."""
        super().train(mode)
        if mode and self.freeze_normalisation:
            for module in self.backbone.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self
