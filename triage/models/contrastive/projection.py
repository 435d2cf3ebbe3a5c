"""Backbone and projection head, as contrastive learning trains them."""

from __future__ import annotations

from torch import Tensor, nn

from triage.backbones.backbone import Backbone


class ContrastiveNetwork(nn.Module):
    """Images to projections, on which the loss is taken.

    The head keeps what the loss makes invariant away from the backbone's embedding, and is
    thrown away afterwards (Chen et al. 2020, section 4.2).

    Parameters
    ----------
    backbone : Backbone
    hidden : int
        Width of the head's only hidden layer.
    projection : int
        Length P of what it gives.
    """

    def __init__(self, backbone: Backbone, *, hidden: int, projection: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Sequential(
            nn.Linear(backbone.width, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, projection),
        )

    def forward(self, pixels: Tensor) -> Tensor:
        """Map normalised float [B, 3, S, S] to projections [B, P]."""
        projections: Tensor = self.head(self.backbone(pixels))
        return projections
