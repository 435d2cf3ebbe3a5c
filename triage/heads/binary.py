"""Binary heads: every inlier condition against everything else, each with its own sigmoid."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from triage.heads.head import TRAINING_OUTLIERS, HeadDesign, HeadInfo
from triage.heads.mlp import Head
from triage.losses.cross_entropy import Criterion, cross_entropy


class BinaryHead(Head):
    """A perceptron with one logit of a binary probability for every condition."""

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map embeddings [B, D] to log odds [B, K] in training, [B, K + 1] in evaluation.

        The further logit is 0: the softmax then is the product of the binary probabilities of
        exactly one condition, or none, being there, given that at most one is.
        """
        log_odds = super().forward(embeddings)
        return log_odds if self.training else functional.pad(log_odds, (0, 1))


class Binary(HeadDesign):
    """Independent binary heads; training outliers are negative for all of them."""

    info = HeadInfo(
        "binary",
        "Binary heads",
        "Mohseni et al., one-against-all heads",
        needs=(TRAINING_OUTLIERS,),
        has_outlier_class=True,
        own_loss=True,
    )

    def build(
        self, width: int, n_inliers: int, n_classes: int, *, hidden: int, dropout: float
    ) -> BinaryHead:
        """Return a perceptron."""
        return BinaryHead(width, n_inliers, hidden, dropout)

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        n_inliers: int,
        criterion: Criterion = cross_entropy,
    ) -> Tensor:
        """-log p_y - mean_(c != y) log(1 - p_c); for outliers the second term over all c.

        The mean balances every head where the classes are balanced: its positives weigh as
        much as its negatives of all other conditions together. Balancing the classes
        themselves is left to the weights of the cases.
        """
        positive = functional.one_hot(targets, n_inliers + 1)[:, :n_inliers]
        negative = 1 - positive
        present = (positive * functional.softplus(-outputs)).sum(1)
        absent = (negative * functional.softplus(outputs)).sum(1)
        return present + absent / negative.sum(1).clamp_min(1)
