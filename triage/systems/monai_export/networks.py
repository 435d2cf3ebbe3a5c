"""The networks of a bundle as MONAI's configuration names them: what builds each, and its tensors.

Texts of a bundle never enter the configuration: MONAI evaluates strings that begin with `$`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from triage.backbones.backbone import DESCRIPTION, WEIGHTS, Backbone
from triage.backbones.monai_networks import MONAI_NETWORKS, resnet_arguments
from triage.errors import UsageError
from triage.heads import HEADS, HeadKind
from triage.models.load_backbone import restore_backbone
from triage.models.oct.referral_network import ReferralNetwork
from triage.models.oct.settings import OctSettings, ReferralSettings
from triage.models.oct.tissue_cells import N_TISSUES
from triage.models.oct.unet import unet_arguments
from triage.models.settings import TrainSettings
from triage.systems.manifest import BundleManifest
from triage.vocabulary.diagnoses import DIAGNOSES
from triage.vocabulary.tissues import Tissue

_HERE = "triage.systems.monai_export.networks"
_RESTORE = "triage.models.load_backbone.restore_backbone"


@dataclass(frozen=True)
class ExportedNetwork:
    """One network of an exported bundle.

    Parameters
    ----------
    key : str
        Name in the configuration, of letters, digits and underscores.
    title : str
        What it is, in a few words.
    files : dict of str
        Files of the export by their names in it, with the source in the bundle.
    definition : dict
        What builds it, as a component of MONAI's configuration.
    inputs, outputs : dict
        Formats of tensors, as `metadata.json` states them.
    loads_itself : bool
        Whether building it also reads its weights.
    """

    key: str
    title: str
    files: dict[str, str]
    definition: dict[str, Any]
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    loads_itself: bool = False
    of_monai: bool = field(init=False)
    """Whether MONAI alone builds it, without this software."""

    def __post_init__(self) -> None:
        """Set what follows from the definition."""
        object.__setattr__(self, "of_monai", self.definition["_target_"].startswith("monai."))

    @property
    def weights(self) -> str:
        """File of its weights in the export."""
        return next(name for name in self.files if name.endswith(".safetensors"))


def exported_networks(folder: Path, manifest: BundleManifest) -> list[ExportedNetwork]:
    """Return every network of a verified bundle, the main one first.

    Parameters
    ----------
    folder : Path
    manifest : BundleManifest
    """
    if isinstance(manifest.settings, OctSettings):
        return _of_volumes(manifest, manifest.settings)
    return _of_pictures(folder, manifest, manifest.settings)


def build_referral_network(
    cells: Sequence[int],
    field: Sequence[float],
    channels: Sequence[int],
    n_classes: int,
    n_diagnoses: int,
) -> nn.Module:
    """Build a referral network: shares of tissues [B, 15, *cells] to logits.

    Parameters
    ----------
    cells, field, channels
        As in `ReferralSettings`.
    n_classes, n_diagnoses : int
    """
    settings = ReferralSettings.model_validate(
        {"cells": tuple(cells), "field": tuple(field), "channels": tuple(channels)}
    )
    return ReferralNetwork(settings, n_classes, n_diagnoses)


def build_head(
    kind: str, width: int, n_inliers: int, n_classes: int, hidden: int, dropout: float
) -> nn.Module:
    """Build a head: embeddings [B, width] to logits [B, n_classes].

    Parameters
    ----------
    kind : str
        Key of `triage.heads.HEADS`.
    width, n_inliers, n_classes : int
    hidden : int
        Width of its hidden layer.
    dropout : float

    Raises
    ------
    UsageError
        If there is no such head.
    """
    try:
        design = HEADS[HeadKind(kind)]
    except ValueError as error:
        raise UsageError("is no kind of head", where=kind) from error
    return design.build(width, n_inliers, n_classes, hidden=hidden, dropout=dropout)


def _of_volumes(manifest: BundleManifest, settings: OctSettings) -> list[ExportedNetwork]:
    """The segmentation instances, then the referral instances."""
    first, second = settings.segmentation, settings.referral
    inputs = {
        "image": _tensor("image", "magnitude", first.context, [first.rows, first.columns])
        | {
            "modality": "OCT",
            "value_range": [-1, 1],
            "channel_def": {
                str(n): f"B-scan at distance {n - first.context // 2}" for n in range(first.context)
            },
        }
    }
    outputs = {
        "pred": _tensor("image", "classes", len(Tissue), [first.rows, first.columns])
        | {"channel_def": {str(int(one)): f"logit: {one.title}" for one in Tissue}}
    }
    found = [
        _network(
            f"segmentation_{number}",
            f"tissue of a B-scan, instance {number}",
            f"segmentation/{name}.safetensors",
            {"_target_": "monai.networks.nets.UNet", **unet_arguments(first, len(Tissue))},
            inputs,
            outputs,
        )
        for number, name in enumerate(manifest.backbones)
    ]
    classes = len(manifest.classes)
    definition = {
        "_target_": f"{_HERE}.build_referral_network",
        "cells": list(second.cells),
        "field": list(second.field),
        "channels": list(second.channels),
        "n_classes": classes,
        "n_diagnoses": len(DIAGNOSES),
    }
    shares = {
        "image": _tensor("image", "classes", N_TISSUES, list(second.cells))
        | {
            "value_range": [0, 1],
            "channel_def": {str(int(one)): f"share of a cell: {one.title}" for one in Tissue},
        }
    }
    names = _class_names(manifest)
    names |= {classes + n: f"logit of diagnosis: {key}" for n, key in enumerate(DIAGNOSES)}
    logits = {"pred": _vector(names)}
    weights = dict.fromkeys(entry.weights for entry in manifest.members)
    return found + [
        _network(
            f"referral_{number}",
            f"referral from a tissue map, instance {number}",
            name,
            definition,
            shares,
            logits,
        )
        for number, name in enumerate(weights)
    ]


def _of_pictures(
    folder: Path, manifest: BundleManifest, settings: TrainSettings
) -> list[ExportedNetwork]:
    """The backbones, then the head of each member, once where it is listed twice."""
    found, widths = [], {}
    for number, key in enumerate(manifest.backbones):
        backbone = restore_backbone(folder / "backbones" / key)
        widths[key] = backbone.width
        found.append(exported_backbone(number, key, backbone))
    names = _class_names(manifest)
    entries = {entry.weights: entry for entry in manifest.members}
    for number, entry in enumerate(entries.values()):
        width = widths[entry.backbone]
        definition = {
            "_target_": f"{_HERE}.build_head",
            "kind": str(HeadKind(manifest.head)),
            "width": width,
            "n_inliers": manifest.n_inliers,
            "n_classes": len(manifest.classes),
            "hidden": settings.hidden,
            "dropout": settings.dropout,
        }
        place = list(manifest.backbones).index(entry.backbone)
        found.append(
            _network(
                f"member_{number}",
                f"head of member {number}, on backbone_{place}",
                entry.weights,
                definition,
                {"image": _tensor("tuples", "latent", width, [])},
                {"pred": _vector(names)},
            )
        )
    return found


def exported_backbone(number: int, key: str, backbone: Backbone) -> ExportedNetwork:
    """Return a backbone: MONAI's own class where its embedding is that class's output.

    Parameters
    ----------
    number : int
        Its place among the backbones.
    key : str
        Its name in the bundle.
    backbone : Backbone
    """
    name = f"backbone_{number}"
    pictures = backbone.pictures
    side = pictures.size
    colours = zip(("red", "green", "blue"), pictures.mean, pictures.std, strict=True)
    inputs = {
        "image": _tensor("image", "magnitude", 3, [side, side])
        | {
            "modality": "RGB",
            "channel_def": {
                str(n): f"{colour} of 0 to 1, less {mean:g}, divided by {std:g}"
                for n, (colour, mean, std) in enumerate(colours)
            },
        }
    }
    outputs = {"pred": _tensor("tuples", "latent", backbone.width, [])}
    source = f"backbones/{key}"
    if backbone.architecture["library"] == "monai" and backbone.stages == 1:
        network = MONAI_NETWORKS[backbone.architecture["name"]]
        if network.blocks:  # of a DenseNet the last layer is taken off
            definition = {"_target_": "monai.networks.nets.ResNet", **resnet_arguments(network)}
            title = f"picture to embedding, {network.title.split(',')[0]}"
            return _network(name, title, f"{source}/{WEIGHTS}", definition, inputs, outputs)
    files = {f"models/{name}/{part}": f"{source}/{part}" for part in (DESCRIPTION, WEIGHTS)}
    return ExportedNetwork(
        key=name,
        title="picture to embedding, a network that this software builds",
        files=files,
        definition={"_target_": _RESTORE, "folder": f"$@bundle_root + '/models/{name}'"},
        inputs=inputs,
        outputs=outputs,
        loads_itself=True,
    )


def _network(
    key: str,
    title: str,
    source: str,
    definition: dict[str, Any],
    inputs: dict[str, Any],
    outputs: dict[str, Any],
) -> ExportedNetwork:
    files = {f"models/{key}.safetensors": source}
    return ExportedNetwork(key, title, files, definition, inputs, outputs)


def _tensor(kind: str, form: str, channels: int, shape: list[int]) -> dict[str, Any]:
    return {
        "type": kind,
        "format": form,
        "modality": "n/a",
        "num_channels": channels,
        "spatial_shape": shape,
        "dtype": "float32",
        "value_range": [],
        "is_patch_data": False,
        "channel_def": {},
    }


def _class_names(manifest: BundleManifest) -> dict[int, str]:
    """Meaning of each logit; without the marks that MONAI's configuration gives a meaning."""
    return {
        number: f"logit of class: {re.sub(r'[@%$]', '_', name)}"
        for number, name in enumerate(manifest.classes)
    }


def _vector(names: dict[int, str]) -> dict[str, Any]:
    channels = {str(number): text for number, text in names.items()}
    return _tensor("tuples", "classes", len(names), []) | {"channel_def": channels}
