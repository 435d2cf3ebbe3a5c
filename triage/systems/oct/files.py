"""The networks of an OCT system on disk: part of a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict
from torch import nn

from triage.backbones.weights_file import load_weights
from triage.decisions.policy import Policy
from triage.errors import BundleError
from triage.heads import HeadKind
from triage.models.oct.referral_network import ReferralNetwork
from triage.models.oct.settings import OctSettings
from triage.models.oct.unet import new_segmentation
from triage.named_file import MAX_JSON_BYTES, read_named_text
from triage.systems.manifest import BundleManifest, MemberEntry
from triage.systems.network_file import save_network
from triage.systems.oct.system import OctSystem
from triage.uncertainty.acquisition_shift import AcquisitionShift
from triage.vocabulary.diagnoses import DIAGNOSES
from triage.vocabulary.tissues import Tissue

SEGMENTATION, REFERRAL, ACQUISITION = "segmentation", "referral", "acquisition.json"
ANNOTATIONS = "annotations.json"


class Annotations(BaseModel):
    """SHA-256 of the annotations that were there when stage 1 was trained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: tuple[str, ...]


def pair_entries(
    segmenters: dict[str, nn.Module],
    referrers: dict[str, ReferralNetwork],
    losses: dict[str, float],
) -> tuple[MemberEntry, ...]:
    """Every pair of instances as a member: stage 1 is its backbone, stage 2 its head."""
    return tuple(
        MemberEntry(
            name=f"{one}-{other}",
            backbone=one,
            weights=f"{REFERRAL}/{other}.safetensors",
            validation_loss=round(losses[other], 6),
        )
        for one in segmenters
        for other in referrers
    )


def write_stages(
    folder: Path,
    segmenters: dict[str, nn.Module],
    referrers: dict[str, ReferralNetwork],
    shift: AcquisitionShift,
    annotations: Sequence[str] | None,
) -> None:
    """Write both stages and what is known of the training scans into a bundle's folder.

    Parameters
    ----------
    annotations : sequence of str, optional
        SHA-256 of the annotations in the training split; None where that is not known.
    """
    for stage, networks in ((SEGMENTATION, segmenters), (REFERRAL, referrers)):
        for name, network in networks.items():
            save_network(folder / stage / f"{name}.safetensors", network)
    parts: dict[str, BaseModel] = {ACQUISITION: shift}
    if annotations is not None:
        parts[ANNOTATIONS] = Annotations(sha256=tuple(annotations))
    for file, part in parts.items():
        text = part.model_dump_json(indent=2) + "\n"
        (folder / file).write_text(text, encoding="utf-8", newline="\n")


def load_oct_system(
    folder: Path,
    manifest: BundleManifest,
    settings: OctSettings,
    policy: Policy,
    provenance: dict[str, str],
) -> OctSystem:
    """Build the system of a verified bundle; trained on a GPU, it works without one too."""
    device = settings.device if torch.cuda.is_available() else "cpu"
    segmenters: dict[str, nn.Module] = {}
    for name in manifest.backbones:
        segmenter = new_segmentation(settings.segmentation, len(Tissue), 0)
        segmenter.load_state_dict(load_weights(folder / SEGMENTATION / f"{name}.safetensors"))
        segmenters[name] = segmenter.to(device).eval()
    referrers: dict[str, ReferralNetwork] = {}
    for entry in manifest.members:
        name = Path(entry.weights).stem
        if name not in referrers:
            network = ReferralNetwork(settings.referral, len(manifest.classes), len(DIAGNOSES))
            network.load_state_dict(load_weights(folder / entry.weights))
            referrers[name] = network.to(device).eval()
    return OctSystem(
        segmenters,
        referrers,
        settings=settings,
        kind=HeadKind(manifest.head),
        classes=manifest.classes,
        n_inliers=manifest.n_inliers,
        policy=policy,
        shift=AcquisitionShift.model_validate_json(_text(folder / ACQUISITION)),
        annotations=(
            Annotations.model_validate_json(_text(folder / ANNOTATIONS)).sha256
            if ANNOTATIONS in manifest.files
            else None
        ),
        provenance=provenance,
    )


def _text(path: Path) -> str:
    return read_named_text(path, "file", BundleError, MAX_JSON_BYTES)
