"""`metadata.json` and `inference.json` of an exported bundle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from triage.modalities import MODALITIES
from triage.systems.manifest import BundleManifest
from triage.systems.monai_export.networks import ExportedNetwork

SCHEMA_URL = "https://project-monai.github.io/schema/meta_schema_20240725.json"
"""Schema that the metadata names; nothing is downloaded from there."""
MAIN = "network"
_NOT_STATED = "not stated in the bundle"
_DEVICE = "$torch.device('cuda' if torch.cuda.is_available() else 'cpu')"


def bundle_metadata(
    manifest: BundleManifest, networks: Sequence[ExportedNetwork], licence: str
) -> dict[str, Any]:
    """Return the content of `metadata.json`.

    Versions are those that the system was trained with, so that the same bundle is always exported
    to the same bytes.

    Parameters
    ----------
    manifest : BundleManifest
    networks : sequence of ExportedNetwork
        The main one first: it is `network_data_format`, each other one `<key>_data_format`.
    licence : str
        Of the data, as the data spec states it.
    """
    version = f"1.0.0+{manifest.digest()[:12]}"
    libraries = manifest.library_versions
    kind = MODALITIES[manifest.modality]
    needed = {"safetensors": "0.4.0"}
    if not all(one.of_monai for one in networks):
        needed["triage"] = manifest.code_version
    formats = {
        f"{MAIN if place == 0 else one.key}_data_format": {
            "inputs": one.inputs,
            "outputs": one.outputs,
        }
        for place, one in enumerate(networks)
    }
    return {
        "schema": SCHEMA_URL,
        "version": version,
        "changelog": {version: "exported from a trained system of triage"},
        "monai_version": libraries["monai"],
        "pytorch_version": libraries["torch"].split("+")[0],
        "numpy_version": libraries["numpy"],
        "required_packages_version": needed,
        "task": f"Triage of {kind.title}",
        "description": (
            f"Networks of a trained system that reads {kind.title}. Its decisions also need the "
            "calibration, costs and threshold of the system, which are no part of this bundle."
        ),
        "authors": _NOT_STATED,
        "copyright": _NOT_STATED,
        "data_source": f"Licence of the data: {_plain(licence)}",
        "intended_use": manifest.intended_use,
        "references": [],
        "source_bundle": manifest.digest(),
        **formats,
    }


def inference_config(networks: Sequence[ExportedNetwork]) -> dict[str, Any]:
    """Return the content of `inference.json`: each network, built and with its weights.

    The main network is `network`, with `network_def` as MONAI names it.
    """
    found: dict[str, Any] = {
        "bundle_root": ".",
        "device": _DEVICE,
        "inferer": {"_target_": "monai.inferers.SimpleInferer"},
    }
    for place, one in enumerate(networks):
        found |= _components(one, MAIN if place == 0 else one.key)
    return found


def _components(network: ExportedNetwork, key: str) -> dict[str, Any]:
    definition = {f"{key}_def": network.definition}
    if network.loads_itself:
        return definition | {key: f"$@{key}_def.to(@device).eval()"}
    return definition | {
        f"{key}_weights": {
            "_target_": "safetensors.torch.load_file",
            "filename": f"$@bundle_root + '/{network.weights}'",
        },
        key: (f"$(@{key}_def.load_state_dict(@{key}_weights), @{key}_def.to(@device).eval())[1]"),
    }


def _plain(text: str) -> str:
    """A text without the marks that MONAI's configuration gives a meaning."""
    return text.translate(str.maketrans("@%$", "___"))
