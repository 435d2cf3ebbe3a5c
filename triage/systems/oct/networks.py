"""The instances of both stages, and what every pair of them says of a volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from triage.backbones.backbone import tensor_hash
from triage.hashing import hash_json
from triage.models.oct.referral_network import ReferralNetwork, predict_features, predict_referral
from triage.models.oct.settings import OctSettings
from triage.models.oct.tissue_cells import tissue_cells
from triage.models.oct.unet import predict_tissue


@dataclass(frozen=True)
class TissueMaps:
    """Tissue of one volume by M segmentation instances, on the networks' grid.

    Parameters
    ----------
    tissue : uint8 array [S, H, W]
        Most probable class by the averaged probabilities.
    hypotheses : uint8 array [M, S, H, W]
        The same by each instance.
    """

    tissue: NDArray[np.uint8]
    hypotheses: NDArray[np.uint8]

    @property
    def disagreement(self) -> NDArray[np.uint8]:
        """Share of instances that differ from `tissue`, 0 to 255, uint8 [S, H, W]."""
        differ = (self.hypotheses != self.tissue).mean(axis=0, dtype=np.float32)
        share: NDArray[np.uint8] = np.round(255 * differ).astype(np.uint8)
        return share


@dataclass(frozen=True)
class PairOutputs:
    """What every pair of M segmentation and R referral instances says of one volume.

    Parameters
    ----------
    referral : float32 array [M, R, C]
        Softmax over referral and outlier classes.
    diagnoses : float32 array [M, R, D]
        Probability of each diagnosis.
    embedding : float32 array [E]
        See `embeddings`.
    """

    referral: NDArray[np.float32]
    diagnoses: NDArray[np.float32]
    embedding: NDArray[np.float32]


def map_probabilities(
    segmenters: Sequence[nn.Module], bscans: NDArray[np.uint8], settings: OctSettings
) -> tuple[NDArray[np.float32], TissueMaps]:
    """Let every segmentation instance read a volume.

    Parameters
    ----------
    segmenters : sequence of Module
    bscans : uint8 array [S, H, W]
        On the networks' grid.
    settings : OctSettings

    Returns
    -------
    probabilities : float32 array [S, 15, H, W]
        Averaged over the instances.
    maps : TissueMaps
    """
    total = np.zeros(0, dtype=np.float32)
    hypotheses = []
    for network in segmenters:
        found = predict_tissue(network, bscans, settings.segmentation.context, settings.precision)
        hypotheses.append(found.argmax(axis=1).astype(np.uint8))
        total = np.add(total, found, out=total) if total.size else found
    tissue = total.argmax(axis=1).astype(np.uint8)
    total /= len(hypotheses)
    return total, TissueMaps(tissue, np.stack(hypotheses))


def map_tissue(
    segmenters: Sequence[nn.Module], bscans: NDArray[np.uint8], settings: OctSettings
) -> TissueMaps:
    """Tissue of a volume by every instance; see `map_probabilities`."""
    return map_probabilities(segmenters, bscans, settings)[1]


def hypotheses_of(
    segmenters: Sequence[nn.Module], bscans: NDArray[np.uint8], settings: OctSettings
) -> NDArray[np.uint8]:
    """Tissue of a volume by each instance alone, uint8 [M, S, H, W]."""
    context, precision = settings.segmentation.context, settings.precision
    found = (predict_tissue(network, bscans, context, precision) for network in segmenters)
    return np.stack([one.argmax(axis=1).astype(np.uint8) for one in found])


def cells_of(
    hypotheses: NDArray[np.uint8], spacing: tuple[float, float, float], settings: OctSettings
) -> NDArray[np.uint8]:
    """Cells of every instance's map [M, S, H, W], uint8 [M, 15, *cells]."""
    return np.stack([tissue_cells(one, spacing, settings.referral) for one in hypotheses])


def run_pairs(referrers: Sequence[ReferralNetwork], cells: NDArray[np.uint8]) -> PairOutputs:
    """Let every referral instance judge every segmentation instance's cells."""
    stack = torch.from_numpy(cells)
    logits = torch.stack([predict_referral(network, stack) for network in referrers], 1)
    n_classes = referrers[0].n_classes
    return PairOutputs(
        referral=logits[:, :, :n_classes].softmax(2).numpy(),
        diagnoses=logits[:, :, n_classes:].sigmoid().numpy(),
        embedding=embeddings(referrers, cells[None])[0],
    )


def embeddings(
    referrers: Sequence[ReferralNetwork], cells: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Features of every referral instance end to end, averaged over the segmentation instances.

    Parameters
    ----------
    referrers : sequence of ReferralNetwork
    cells : uint8 array [N, M, 15, *cells]

    Returns
    -------
    float32 array [N, E]
    """
    count, instances = cells.shape[:2]
    stack = torch.from_numpy(cells).flatten(0, 1)
    found = [predict_features(network, stack) for network in referrers]
    parts = [features.unflatten(0, (count, instances)).mean(1) for features in found]
    joined: NDArray[np.float32] = torch.cat(parts, 1).numpy()
    return joined


def weights_digest(network: nn.Module) -> str:
    """Hash of every weight of a network."""
    return hash_json(
        {
            name: [list(value.shape), tensor_hash(value.cpu())]
            for name, value in sorted(network.state_dict().items())
        }
    )
