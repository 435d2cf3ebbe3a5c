"""Heads, backbones and the combination of scores on disk: part of a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from triage.backbones.backbone import Backbone
from triage.backbones.weights_file import load_weights
from triage.decisions.policy import Policy
from triage.errors import BundleError
from triage.heads import HEADS, HeadKind
from triage.imaging.picture_statistics import NAMES, VERSION
from triage.models.load_backbone import restore_backbone
from triage.models.settings import TrainSettings
from triage.systems.manifest import BundleManifest, MemberEntry
from triage.systems.network_file import save_network
from triage.systems.photographs.system import Member, System
from triage.uncertainty.combination import Combination, load_combination, save_combination
from triage.uncertainty.image_kind import ImageKind, load_image_kind, save_image_kind

BACKBONES, COMBINED, IMAGE_KIND = "backbones", "combination", "image_kind.safetensors"


def write_heads(
    folder: Path,
    entries: Sequence[MemberEntry],
    members: dict[str, Member],
    backbones: dict[str, Backbone],
    combination: Combination | None = None,
    image_kind: ImageKind | None = None,
) -> None:
    """Write heads, their backbones, the combined scores and the guard into a bundle's folder."""
    for entry in entries:
        save_network(folder / entry.weights, members[entry.name].head)
    for key, backbone in backbones.items():
        backbone.save(folder / BACKBONES / key)
    if combination is not None:
        save_combination(folder / COMBINED, combination)
    if image_kind is not None:
        save_image_kind(folder / IMAGE_KIND, image_kind, VERSION)


def load_heads(
    folder: Path, manifest: BundleManifest, policy: Policy, provenance: dict[str, str]
) -> System:
    """Build the system of a verified bundle."""
    settings = manifest.settings
    assert isinstance(settings, TrainSettings)
    backbones = {key: restore_backbone(folder / BACKBONES / key) for key in manifest.backbones}
    for backbone in backbones.values():
        backbone.execution = settings.execution
    if (folder / IMAGE_KIND).exists() is (manifest.image_kind is None):
        raise BundleError(
            "its manifest and its files differ on a guard against pictures of another kind",
            where=str(folder),
            hint="Do not use it; restore it from a copy or train again.",
        )
    kind = HeadKind(manifest.head)
    widths = {key: backbone.width for key, backbone in backbones.items()}
    loaded: dict[str, Member] = {}
    for entry in manifest.members:
        width = backbones[entry.backbone].width
        head = HEADS[kind].build(
            width,
            manifest.n_inliers,
            len(manifest.classes),
            hidden=settings.hidden,
            dropout=settings.dropout,
        )
        head.load_state_dict(load_weights(folder / entry.weights))
        loaded[entry.name] = Member(entry.name, entry.backbone, head.eval())
    return System(
        backbones,
        [loaded[entry.name] for entry in manifest.members],
        kind=kind,
        classes=manifest.classes,
        n_inliers=manifest.n_inliers,
        policy=policy,
        provenance=provenance,
        combination=load_combination(folder / COMBINED),
        image_kind=load_image_kind(folder / IMAGE_KIND, VERSION, len(NAMES), widths),
    )
