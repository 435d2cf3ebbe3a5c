"""Stage 1: a U-Net that classifies the tissue of every voxel of a B-scan and its neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from triage.errors import TrainingError
from triage.models.oct.augmentation import augment_bscans
from triage.models.oct.scan_grid import with_context
from triage.models.oct.settings import SegmentationSettings
from triage.models.training import resolved

BATCH = 16
RAREST = 1e-5
"""Share of voxels below which a tissue counts no more."""
IGNORE = 255
"""Label of voxels that nobody annotated."""


def new_segmentation(settings: SegmentationSettings, n_classes: int, seed: int) -> nn.Module:
    """Return an untrained network: [B, context, H, W] to logits [B, n_classes, H, W]."""
    from monai.networks.nets import UNet  # importing MONAI takes seconds

    torch.manual_seed(seed)
    network = UNet(**unet_arguments(settings, n_classes))
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def unet_arguments(settings: SegmentationSettings, n_classes: int) -> dict[str, Any]:
    """Arguments of MONAI's `UNet`, of plain JSON types."""
    return {
        "spatial_dims": 2,
        "in_channels": settings.context,
        "out_channels": n_classes,
        "channels": list(settings.channels),
        "strides": [1, *[2] * (len(settings.channels) - 2)],
        "num_res_units": settings.residual_units,
        "norm": "batch",
    }


@dataclass(frozen=True)
class AnnotatedVolume:
    """B-scans on the networks' grid, some of them annotated.

    Parameters
    ----------
    bscans : uint8 Tensor [S, H, W]
    annotated : int Tensor [K]
        Which B-scans have labels.
    labels : uint8 Tensor [K, H, W]
        Class of each voxel, `IGNORE` where not annotated.
    """

    bscans: Tensor
    annotated: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        if (
            len(self.annotated) != len(self.labels)
            or self.bscans.shape[1:] != self.labels.shape[1:]
        ):
            raise TrainingError("labels do not fit the B-scans")


class SegmentationTask:
    """Task of stage 1; see `triage.models.training_loop.Task`.

    Parameters
    ----------
    training, validation : sequence of AnnotatedVolume
    settings : SegmentationSettings
    n_classes : int
    """

    def __init__(
        self,
        training: Sequence[AnnotatedVolume],
        validation: Sequence[AnnotatedVolume],
        settings: SegmentationSettings,
        n_classes: int,
    ) -> None:
        from monai.losses import DiceLoss

        self.training = training
        self.validation = validation
        self.settings = settings
        self.examples = _examples(training)
        self.held_out = _examples(validation)
        if len(self.examples) < 2 or not self.held_out:
            raise TrainingError(
                f"{len(self.examples)} annotated B-scans to train and {len(self.held_out)} to "
                "validate on are too few"
            )
        self.n_classes = n_classes
        # One term over the whole batch: a class that is absent from a B-scan has no term there.
        self._dice = DiceLoss(softmax=True, to_onehot_y=True, batch=True)
        self._cross_entropy = nn.CrossEntropyLoss(
            weight=tissue_weights(training, n_classes, settings.fit.balance),
            ignore_index=IGNORE,
            label_smoothing=settings.fit.label_smoothing,
        )

    def __len__(self) -> int:
        return len(self.examples)

    def batch(self, index: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return augmented B-scans [B, context, H, W] and labels [B, H, W]."""
        pixels, labels = self._gather(self.training, [self.examples[i] for i in index.tolist()])
        pixels, labels = augment_bscans(pixels, labels, generator)
        return pixels.contiguous(memory_format=torch.channels_last), labels

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Dice plus weighted cross-entropy; voxels without annotation are ignored."""
        known = targets != IGNORE
        value: Tensor = self._cross_entropy(outputs, targets)
        if bool(known.all()):
            overlap: Tensor = self._dice(outputs, targets[:, None])
            return value + overlap
        # Where nothing is known, the network is sure of what stands there: no gradient, no error.
        labels = torch.where(known, targets, 0)[:, None]
        sure = torch.zeros_like(outputs)
        sure[:, 0] = 100.0
        overlap = self._dice(torch.where(known[:, None], outputs, sure), labels)
        return value + overlap

    def validate(self, network: nn.Module) -> float:
        """Mean loss over the validation B-scans, not augmented."""
        network.eval()
        total = 0.0
        with torch.inference_mode():
            for start in range(0, len(self.held_out), BATCH):
                part = self.held_out[start : start + BATCH]
                pixels, labels = self._gather(self.validation, part)
                total += float(self.loss(network(pixels).float(), labels)) * len(part)
        return total / len(self.held_out)

    def _gather(
        self, volumes: Sequence[AnnotatedVolume], examples: Sequence[tuple[int, int]]
    ) -> tuple[Tensor, Tensor]:
        context = self.settings.context
        pixels = [
            with_context(volumes[v].bscans, volumes[v].annotated[k : k + 1], context)
            for v, k in examples
        ]
        labels = torch.stack([volumes[v].labels[k] for v, k in examples])
        return torch.cat(pixels), labels.long()


def tissue_weights(volumes: Sequence[AnnotatedVolume], n_classes: int, balance: float) -> Tensor:
    """Weight of each tissue, (its voxels) ** -balance, averaging one over voxels, float [C]."""
    counts = torch.zeros(n_classes + 1)
    for volume in volumes:
        labels = volume.labels.flatten().long().clamp_max(n_classes)
        counts += torch.bincount(labels, minlength=n_classes + 1)
    # What is hardly ever there would otherwise outweigh everything else.
    shares = (counts[:n_classes] / counts[:n_classes].sum()).clamp_min(RAREST)
    weights = shares**-balance
    return weights / (weights * shares).sum()


def _examples(volumes: Sequence[AnnotatedVolume]) -> list[tuple[int, int]]:
    return [(v, k) for v, volume in enumerate(volumes) for k in range(len(volume.annotated))]


def predict_tissue(
    network: nn.Module, bscans: NDArray[np.uint8], context: int, precision: str = "float32"
) -> NDArray[np.float32]:
    """Class probabilities of every voxel of a volume on the networks' grid.

    Parameters
    ----------
    network : Module
        In evaluation mode.
    bscans : uint8 array [S, H, W]
    context : int
    precision : {'auto', 'float32', 'bfloat16'}

    Returns
    -------
    float32 array [S, C, H, W]
    """
    device = next(network.parameters()).device
    stack = torch.from_numpy(bscans)
    parts = []
    with (
        torch.inference_mode(),
        torch.autocast(device.type, torch.bfloat16, enabled=resolved(precision) == "bfloat16"),
    ):
        for index in torch.arange(len(stack)).split(BATCH):
            pixels = with_context(stack, index, context).to(device)
            logits = network(pixels.contiguous(memory_format=torch.channels_last))
            parts.append(logits.float().softmax(1).cpu())
    probabilities: NDArray[np.float32] = torch.cat(parts).numpy()
    return probabilities
