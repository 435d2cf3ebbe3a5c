"""Frozen backbone for volumes: a descriptor of the tissue map of a trained OCT system.

The embedding describes the tissue map and uses nothing that stage 2 has learned: those features
depend on the roles and splits of one draw, which would leak into every other draw. Stage 1 was
trained on tissue only; volumes that it was trained on are nevertheless mapped better than others.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from triage.backbones.backbone import Backbone
from triage.backbones.preprocessing import OpenedImage
from triage.backbones.weights_file import read_description
from triage.errors import TrainingError
from triage.hashing import hash_bytes, hash_json
from triage.models.oct.settings import OctSettings, ReferralSettings
from triage.models.oct.tissue_cells import tissue_cells
from triage.models.oct.unet import new_segmentation, predict_tissue
from triage.models.oct.volume_reader import OpenedVolume, VolumeReader
from triage.regular_file import read_regular
from triage.vocabulary.tissues import Tissue

CELLS = ReferralSettings(cells=(6, 32, 8), field=(6.0, 1.6, 6.0))
"""Where the descriptor looks: cells of 1 x 0.05 x 0.75 mm, whatever the bundle's own are."""
WIDTH = len(Tissue) * CELLS.cells[0] * CELLS.cells[2] * 2
MAX_WEIGHTS_BYTES = 4 << 30
_FORMAT = "tissue-descriptor-1"
"""To be raised when the descriptor changes: embeddings are kept under it."""


class TissueBackbone(Backbone):
    """Backbone from volumes to descriptors of their tissue maps.

    Parameters
    ----------
    segmenters : sequence of Module
        Instances of stage 1; their probabilities are averaged.
    settings : OctSettings
        Settings with which they were trained.
    reference : str
        How they were named, `oct:<bundle folder>`.
    """

    def __init__(
        self, segmenters: Sequence[nn.Module], settings: OctSettings, reference: str
    ) -> None:
        stage = settings.segmentation
        super().__init__(
            nn.ModuleList(segmenters),
            reference=reference,
            width=WIDTH,
            preprocessing=VolumeReader(stage.rows, stage.columns),
            architecture={
                "library": "oct",
                "settings": settings.model_dump(mode="json", include={"segmentation", "precision"}),
                "descriptor": [_FORMAT, CELLS.model_dump(mode="json", include={"cells", "field"})],
            },
        )
        self.settings = settings

    def embed_views(self, images: Sequence[OpenedImage]) -> NDArray[np.float32]:
        """Describe volumes that its own reader opened, float32 [I, 1, width]: there is one view."""
        described = []
        for image in images:
            assert isinstance(image, OpenedVolume)  # the reader gives nothing else
            described.append(tissue_descriptor(self._tissue(image.frames), image.spacing))
        return np.stack(described)[:, None]

    def _tissue(self, bscans: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Most probable tissue by the averaged instances, uint8 [S, H, W]."""
        assert isinstance(self.network, nn.ModuleList)
        context, precision = self.settings.segmentation.context, self.settings.precision
        first, *others = self.network
        total = predict_tissue(first, bscans, context, precision)
        for network in others:
            total += predict_tissue(network, bscans, context, precision)
        tissue: NDArray[np.uint8] = total.argmax(axis=1).astype(np.uint8)
        return tissue


def tissue_descriptor(
    tissue: NDArray[np.uint8], spacing: tuple[float, float, float]
) -> NDArray[np.float32]:
    """Descriptor of an en-face tissue map: amount and depth of each tissue.

    Parameters
    ----------
    tissue : uint8 array [S, H, W]
    spacing : tuple of float
        mm between its B-scans, rows and columns.

    Returns
    -------
    float32 array [2 x 15 x 6 x 8]
        For every tissue and en-face cell its share of the field's depth; then its mean depth from
        -1 (top of the field) to 1, 0 where there is none.
    """
    cells = tissue_cells(tissue, spacing, CELLS).astype(np.float32) / 255
    depth = np.linspace(-1, 1, cells.shape[2], dtype=np.float32)
    total = cells.sum(axis=2)
    moment = np.einsum("tsdc,d->tsc", cells, depth)
    level = np.divide(moment, total, out=np.zeros_like(total), where=total > 0)
    return np.concatenate([total.ravel() / len(depth), level.ravel()])


def load_tissue_backbone(folder: Path) -> TissueBackbone:
    """Build the backbone from a bundle of a trained OCT system.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    TrainingError
        If it is no such bundle, or a file that is needed does not match its hash.
    """
    reference = f"oct:{folder}"
    try:
        manifest = _verified_manifest(folder)
        settings = OctSettings.model_validate(manifest["settings"])
        segmenters = []
        for name in manifest["backbones"]:
            segmenter = new_segmentation(settings.segmentation, len(Tissue), 0)
            segmenter.load_state_dict(
                _weights(folder, f"segmentation/{name}.safetensors", manifest)
            )
            segmenters.append(segmenter.eval())
        if not segmenters:
            raise LookupError("backbones")
    except (
        OSError,
        LookupError,
        ValueError,
        TypeError,
        RuntimeError,
        ValidationError,
        SafetensorError,
    ) as error:
        raise TrainingError(
            "is no intact bundle of an OCT system",
            where=reference,
            hint="Name the folder that `triage train` made from volumes: oct:<bundle folder>.",
        ) from error
    backbone = TissueBackbone(segmenters, settings, reference)
    return backbone.to(settings.device if torch.cuda.is_available() else "cpu")


def _verified_manifest(folder: Path) -> dict[str, Any]:
    """Read manifest.json and check its digest."""
    manifest: dict[str, Any] = json.loads(read_description(folder / "manifest.json"))
    if manifest.pop("digest") != hash_json(manifest):
        raise ValueError("altered")
    return manifest


def _weights(folder: Path, name: str, manifest: dict[str, Any]) -> dict[str, torch.Tensor]:
    data = read_regular(folder / name, MAX_WEIGHTS_BYTES, root=folder)
    if manifest["files"][name] != hash_bytes(data):
        raise ValueError("altered")
    return load(data)
