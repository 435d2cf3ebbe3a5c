"""Sparse variational Gaussian process classifier on spectral-normalised features (DUE).

K independent processes share a kernel and the inducing points; the body, the points and the
variational posterior are learned together by the evidence lower bound. van Amersfoort et al.
2021, "On feature collapse and deep kernel learning for single forward pass uncertainty";
bound and whitening as in Hensman et al. 2015.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from triage.errors import TrainingError
from triage.heads.head import HeadDesign, HeadInfo, HeadNetwork
from triage.heads.mean_field import MEAN_FIELD, mean_field_logits, with_outlier_logit
from triage.heads.spectral_norm import NORM_BOUND, SpectralBody
from triage.losses.cross_entropy import Criterion, cross_entropy

LEAST_POINTS = 20
_JITTER = 1e-4
STRIDE = 10.0
"""Units of the stored posterior. Adam moves a parameter by about the learning rate a step,
and the posterior has units to go while the body's weights have hundredths."""
_UNKNOWN_CASES = 1000.0


class InducingPointGP(nn.Module):
    """K Gaussian processes with kernel a^2 exp(-|x - y|^2 / 2 l^2), known through M points.

    With L L^T = k(Z, Z) + jitter and u = L v the values at the points Z,
    q(v_c) = Normal(m_c, S_c S_c^T) against the prior Normal(0, I).

    Parameters
    ----------
    width : int
        Length of x.
    n_outputs : int
        K.
    n_points : int
        M.
    """

    def __init__(self, width: int, n_outputs: int, n_points: int) -> None:
        if n_points < 1:
            raise TrainingError(f"{n_points} inducing points", hint="Use at least one.")
        super().__init__()
        self.points = nn.Parameter(torch.randn(n_points, width) / math.sqrt(width))
        self.log_length_scale = nn.Parameter(torch.zeros(()))
        self.log_amplitude = nn.Parameter(torch.tensor(math.log(2.0)))
        self.raw_mean = nn.Parameter(torch.zeros(n_outputs, n_points))
        self.raw_factor = nn.Parameter(torch.zeros(n_outputs, n_points, n_points))

    def kernel(self, first: Tensor, second: Tensor) -> Tensor:
        """Return k(x_i, y_j), [N, M], of [N, width] and [M, width]."""
        scale = self.log_length_scale.exp()
        # The length scale divides before squares are taken: gradients stay finite far away.
        apart = ((first / scale)[:, None] - (second / scale)[None]).square().sum(-1)
        return torch.exp(2 * self.log_amplitude - apart / 2)

    def mean(self) -> Tensor:
        """Return m_c, [K, M]."""
        return STRIDE * self.raw_mean

    def factor(self) -> Tensor:
        """Return the lower triangular S_c, [K, M, M], whose diagonal is an exponential."""
        raw = STRIDE * self.raw_factor
        diagonal = raw.diagonal(dim1=-2, dim2=-1).exp()
        return torch.tril(raw, -1) + torch.diag_embed(diagonal)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Map [B, width] to mean and variance of q(f(x)), both [B, K]."""
        amplitude = (2 * self.log_amplitude).exp()
        jitter = _JITTER * amplitude * torch.eye(len(self.points), device=inputs.device)
        root = torch.linalg.cholesky(self.kernel(self.points, self.points) + jitter)
        cross = self.kernel(self.points, inputs)
        weights = torch.linalg.solve_triangular(root, cross, upper=False)
        mean = weights.T @ self.mean().T
        known = weights.square().sum(0)[:, None]
        learned = (self.factor().mT @ weights).square().sum(1).T
        return mean, (amplitude - known).clamp_min(0) + learned

    def divergence(self) -> Tensor:
        """KL(q(v) || p(v)), summed over the K processes."""
        log_det = 2 * STRIDE * self.raw_factor.diagonal(dim1=-2, dim2=-1).sum()
        squares = self.factor().square().sum() + self.mean().square().sum()
        return (squares - self.raw_mean.numel() - log_det) / 2

    @torch.no_grad()
    def place(self, features: Tensor) -> None:
        """Put the points at k-means centres, and make l the mean distance, of [N, width]."""
        from sklearn.cluster import KMeans  # late: slow to import

        n_points = min(len(self.points), len(features))
        found = KMeans(n_points, n_init=1, random_state=0).fit(features.cpu().numpy())
        centres = torch.from_numpy(found.cluster_centers_)
        self.points[:n_points] = centres.to(self.points)
        some = features[torch.linspace(0, len(features) - 1, min(len(features), 500)).long()]
        if len(some) > 1:
            self.log_length_scale.fill_(nn.functional.pdist(some).mean().clamp_min(1e-6).log())


class InducingPointNetwork(HeadNetwork):
    """Spectral-normalised body, sparse variational Gaussian process.

    In training mode it gives one sample of the K logits and, as column K, the case's share
    KL / N of the divergence; in evaluation mode the mean field of the logits and a class of
    Dempster-Shafer mass. `standardise_by` also places the inducing points.

    Parameters
    ----------
    width : int
        Length D of the embedding.
    n_inliers : int
        K.
    hidden, dropout, bound
        As in `SpectralBody`.
    n_points : int, optional
        Inducing points; by default one a class, at least 20.
    mean_field : float
        Factor of the variance in the mean field.
    """

    n_cases: Tensor

    def __init__(
        self,
        width: int,
        n_inliers: int,
        hidden: int = 256,
        dropout: float = 0.3,
        *,
        bound: float = NORM_BOUND,
        n_points: int | None = None,
        mean_field: float = MEAN_FIELD,
    ) -> None:
        super().__init__(width)
        self.body = SpectralBody(width, hidden, dropout, bound)
        chosen = max(n_inliers, LEAST_POINTS) if n_points is None else n_points
        self.process = InducingPointGP(self.body.width, n_inliers, chosen)
        self.mean_field = mean_field
        self.register_buffer("n_cases", torch.tensor(_UNKNOWN_CASES))

    @torch.no_grad()
    def standardise_by(self, embeddings: Tensor) -> None:
        """Set centre, scale, number of cases, inducing points and length scale from [N, D]."""
        super().standardise_by(embeddings)
        self.n_cases.fill_(len(embeddings))
        training = self.training
        self.eval()
        self.process.place(self.body(self.standardised(embeddings)))
        self.train(training)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map embeddings [B, D] to [B, K + 1]; see the class for what they are."""
        mean, variance = self.process(self.body(self.standardised(embeddings)))
        if not self.training:
            return with_outlier_logit(mean_field_logits(mean, variance, self.mean_field))
        sample = mean + variance.clamp_min(1e-8).sqrt() * torch.randn_like(mean)
        share = (self.process.divergence() / self.n_cases).expand(len(mean), 1)
        return torch.cat([sample, share], dim=1)

    def finish(self, embeddings: Tensor, targets: Tensor) -> None:
        """Settle the body's spectral norms; the process has learned all it learns."""
        self.body.settle()


class InducingPoints(HeadDesign):
    """A Gaussian process with inducing points on a spectral-normalised network."""

    info = HeadInfo(
        "inducing_points",
        "Inducing-point Gaussian process (DUE)",
        "van Amersfoort et al. 2021",
        has_outlier_class=True,
    )

    def build(
        self, width: int, n_inliers: int, n_classes: int, *, hidden: int, dropout: float
    ) -> HeadNetwork:
        """Return an untrained network; the outlier class has no weights."""
        return InducingPointNetwork(width, n_inliers, hidden, dropout)

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        n_inliers: int,
        criterion: Criterion = cross_entropy,
    ) -> Tensor:
        """Criterion of the sampled logits plus KL / N: minus the evidence bound, unbiased."""
        return criterion(outputs[:, :n_inliers], targets) + outputs[:, n_inliers]
