"""Stage 2: network from a tissue map to a referral and ten diagnoses.

After De Fauw et al. 2018: dense blocks of convolutions within a B-scan (xy) and across B-scans (z),
with every layer's output kept, then pooling over the whole map. The input is the map, never the
scan. Pooling joins mean and maximum (own choice), so that a small lesion is not averaged out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from triage.errors import TrainingError
from triage.losses import uniform_cross_entropy
from triage.models.oct.settings import ReferralSettings
from triage.models.oct.tissue_cells import N_TISSUES
from triage.models.training import calibrated_loss, class_weights

XY, Z = (1, 3, 3), (3, 1, 1)
BATCH = 64


class DenseBlock(nn.Module):
    """Two convolutions within B-scans and one across, each on all preceding outputs."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for kernel in (XY, XY, Z):
            padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
            self.layers.append(
                nn.Sequential(
                    nn.Conv3d(width, growth, kernel, padding=padding, bias=False),
                    nn.BatchNorm3d(growth),
                    nn.ReLU(inplace=True),
                )
            )
            width += growth
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, C, S, H, W] to [B, C + 3 growth, S, H, W]."""
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return x


class ReferralNetwork(nn.Module):
    """Network from tissue cells to logits.

    Parameters
    ----------
    settings : ReferralSettings
    n_classes : int
        Referral classes and outlier classes.
    n_diagnoses : int
    """

    def __init__(self, settings: ReferralSettings, n_classes: int, n_diagnoses: int) -> None:
        super().__init__()
        self.n_classes = n_classes
        first, *others = settings.channels
        # Halves a B-scan at once: full resolution costs most and contributes least to a referral.
        stem = nn.Conv3d(N_TISSUES, 2 * first, XY, stride=(1, 2, 2), padding=(0, 1, 1), bias=False)
        layers: list[nn.Module] = [stem, nn.BatchNorm3d(2 * first), nn.ReLU(inplace=True)]
        block = DenseBlock(2 * first, first)
        layers.append(block)
        for number, growth in enumerate(others):
            pool = (2, 2, 2) if number % 2 else (1, 2, 2)
            layers += [nn.MaxPool3d(pool), nn.Conv3d(block.width, 2 * growth, 1, bias=False)]
            layers += [nn.BatchNorm3d(2 * growth), nn.ReLU(inplace=True)]
            block = DenseBlock(2 * growth, growth)
            layers.append(block)
        self.body = nn.Sequential(*layers).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.width = 2 * block.width
        self.head = nn.Linear(self.width, n_classes + n_diagnoses)

    def features(self, cells: Tensor) -> Tensor:
        """Map shares float [B, 15, S, H, W] in [0, 1] to features [B, width]."""
        found: Tensor = self.body(cells)
        return torch.cat([found.mean((2, 3, 4)), found.amax((2, 3, 4))], 1)

    def forward(self, cells: Tensor) -> Tensor:
        """Map shares to logits [B, n_classes + n_diagnoses]."""
        logits: Tensor = self.head(self.features(cells))
        return logits


@dataclass(frozen=True)
class Readings:
    """Tissue cells of N volumes by each of M segmentation instances, with their labels.

    Parameters
    ----------
    cells : uint8 Tensor [N, M, 15, S, H, W]
    targets : int Tensor [N]
        Referral or outlier class.
    diagnoses : float32 Tensor [N, D]
        0 or 1, NaN where unknown.
    """

    cells: Tensor
    targets: Tensor
    diagnoses: Tensor


class ReferralTask:
    """Task of stage 2; see `triage.models.training_loop.Task`.

    Every epoch uses another segmentation instance for each volume, so that a referral
    network is trained on the errors of all instances.

    Parameters
    ----------
    training, validation : Readings
        Validation holds volumes of referral classes only.
    settings : ReferralSettings
    n_classes, n_inliers : int
    head_loss : callable
        Maps (logits, targets) to the loss of each case [B].
    """

    def __init__(
        self,
        training: Readings,
        validation: Readings,
        settings: ReferralSettings,
        *,
        n_classes: int,
        n_inliers: int,
        head_loss: Callable[[Tensor, Tensor], Tensor],
    ) -> None:
        if len(training.targets) < 2 or not len(validation.targets):
            raise TrainingError("too few volumes to train a referral network on")
        self.training = training
        self.validation = validation
        self.settings = settings
        self.n_classes = n_classes
        self.n_inliers = n_inliers
        self.head_loss = head_loss
        self.weights = class_weights(training.targets, n_classes, settings.fit.balance)

    def __len__(self) -> int:
        return len(self.training.targets)

    def batch(
        self, index: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return moved and mirrored cells [B, 15, S, H, W], targets and diagnoses."""
        instances = self.training.cells.shape[1]
        instance = torch.randint(0, instances, (len(index),), generator=generator)
        cells = _moved(self.training.cells[index, instance], generator)
        return as_shares(cells), (self.training.targets[index], self.training.diagnoses[index])

    def loss(self, outputs: Tensor, targets: tuple[Tensor, Tensor]) -> Tensor:
        """Loss of the head with label smoothing, plus that of the diagnoses."""
        classes, diagnoses = targets
        logits = outputs[:, : self.n_classes]
        share = self.settings.fit.label_smoothing
        head = (1 - share) * self.head_loss(logits, classes) + share * uniform_cross_entropy(logits)
        weighted = (head * self.weights[classes]).mean()
        return weighted + self.settings.diagnosis_weight * self._diagnoses(outputs, diagnoses)

    def validate(self, network: nn.Module) -> float:
        """Loss of referral at its best temperature, plus that of the diagnoses."""
        outputs = _in_batches(network, network, self.validation.cells[:, 0])
        referral = calibrated_loss(outputs[:, : self.n_inliers], self.validation.targets)
        return referral + float(self._diagnoses(outputs, self.validation.diagnoses))

    def _diagnoses(self, outputs: Tensor, truth: Tensor) -> Tensor:
        """Binary cross-entropy over the diagnoses that are known; zero where none is."""
        known = ~truth.isnan()
        share = self.settings.fit.label_smoothing
        target = torch.where(known, truth, 0.0) * (1 - share) + share / 2
        each = functional.binary_cross_entropy_with_logits(
            outputs[:, self.n_classes :], target, reduction="none"
        )
        return (each * known).sum() / known.sum().clamp_min(1)


def _moved(cells: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror and shift a batch of maps; cells shifted out are dropped, not wrapped around."""
    if torch.rand((), generator=generator) < 0.5:
        cells = cells.flip(4)
    if torch.rand((), generator=generator) < 0.5:
        cells = cells.flip(2)
    for axis, reach in ((2, 1), (3, 2), (4, 2)):
        by = int(torch.randint(-reach, reach + 1, (), generator=generator))
        cells = torch.roll(cells, by, axis)
        if by:
            edge = slice(0, by) if by > 0 else slice(by, None)
            cells[(slice(None),) * axis + (edge,)] = 0
    return cells


def as_shares(cells: Tensor) -> Tensor:
    """Convert cells uint8 [B, 15, S, H, W] to shares, float in [0, 1], channels last."""
    return (cells.float() / 255).contiguous(memory_format=torch.channels_last_3d)


def predict_referral(network: ReferralNetwork, cells: Tensor) -> Tensor:
    """Logits of some volumes' cells (uint8 [N, 15, S, H, W]) in evaluation mode, float32 [N, C]."""
    return _in_batches(network, network, cells)


def predict_features(network: ReferralNetwork, cells: Tensor) -> Tensor:
    """Features of some volumes' cells in evaluation mode, float32 [N, width]."""
    return _in_batches(network, network.features, cells)


def _in_batches(network: nn.Module, function: Callable[[Tensor], Tensor], cells: Tensor) -> Tensor:
    network.eval()
    device = next(network.parameters()).device
    with torch.inference_mode():
        return torch.cat(
            [function(as_shares(part.to(device))).float().cpu() for part in cells.split(BATCH)]
        )
