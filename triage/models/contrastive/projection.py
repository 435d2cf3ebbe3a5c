"""Backbone and projection head, as contrastive learning trains them."""

from __future__ import annotations

from torch import Tensor, nn

from triage.backbones.backbone import Backbone


class ContrastiveNetwork(nn.Module):
    """Network from images to the projections on which the loss is computed.

    The head absorbs the invariances of the loss, which the backbone's embedding then need not
    have; it is discarded afterwards (Chen et al. 2020, section 4.2).

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
