"""The network of most heads: a perceptron with at most one hidden layer."""

from __future__ import annotations

from torch import Tensor, nn

from triage.heads.head import HeadNetwork


class Head(HeadNetwork):
    """A two-layer perceptron on standardised embeddings.

    Parameters
    ----------
    width : int
        Length D of the embedding.
    n_classes : int
        Number of classes C.
    hidden : int
        Hidden units; 0 makes the head linear.
    dropout : float
        Dropout before each layer while training.
    """

    def __init__(self, width: int, n_classes: int, hidden: int = 256, dropout: float = 0.3) -> None:
        super().__init__(width)
        layers: list[nn.Module] = [nn.Dropout(dropout)]
        if hidden:
            layers += [nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout)]
        layers.append(nn.Linear(hidden or width, n_classes))
        self.layers = nn.Sequential(*layers)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map embeddings [B, D] to logits [B, C]."""
        logits: Tensor = self.layers(self.standardised(embeddings))
        return logits
