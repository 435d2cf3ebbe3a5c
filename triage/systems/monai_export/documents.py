"""The texts of an exported bundle: how its networks are loaded, and the licence of the data."""

from __future__ import annotations

from collections.abc import Sequence

from triage.modalities import MODALITIES
from triage.printable import printable
from triage.systems.manifest import BundleManifest
from triage.systems.monai_export.networks import ExportedNetwork

LOADER = """\
from pathlib import Path

from monai.bundle import ConfigParser

root = Path()
parser = ConfigParser()
parser.read_config(root / "configs" / "inference.json")
parser.read_meta(root / "configs" / "metadata.json")
parser["bundle_root"] = str(root)
network = parser.get_parsed_content("network")
"""
"""How MONAI builds the main network in the folder of the export; run by the tests as it stands."""


def readme(manifest: BundleManifest, networks: Sequence[ExportedNetwork]) -> str:
    """Return `docs/README.md`."""
    kind = MODALITIES[manifest.modality]
    rows = "\n".join(
        f"| `{'network' if place == 0 else one.key}` | {one.title} | `{one.weights}` "
        f"| {'MONAI' if one.of_monai else 'this software, triage'} |"
        for place, one in enumerate(networks)
    )
    return f"""# Networks of a system that reads {kind.title}

Exported from the trained system `{manifest.digest()}`, made by triage {manifest.code_version}.
{manifest.intended_use}

| network | what | weights | built by |
|---|---|---|---|
{rows}

Weights are safetensors, the very files of the trained system; there is no `model.pt`, which would
be a pickle. `monai.bundle.load` and the handler `CheckpointLoader` read pickles only; the
configuration reads the weights with `safetensors.torch.load_file` instead. In this folder:

```python
{LOADER}```

Another network is `parser.get_parsed_content("<network>")`. Those built by triage need that package
beside MONAI. Configurations are code: read `configs/inference.json` before you load it.

{_pipeline(manifest)}

A decision also needs the calibration, costs and threshold of the system, its guards against other
kinds of images, and its reader of files. They are not exported: use `triage score` for decisions.
`docs/sha256.txt` has the hash of every other file, for `sha256sum --check docs/sha256.txt`.
"""


def licence_text(licence: str, source: str) -> str:
    """Return `LICENSE`: what the data spec states of the data; the bundle states no other.

    Parameters
    ----------
    licence, source : str
        Of the data spec.
    """
    return (
        "The bundle states no licence of these weights.\n\n"
        "They were learned from data whose licence and source the data spec states as:\n\n"
        f"licence: {printable(licence)}\nsource: {printable(source)}\n"
    )


def _pipeline(manifest: BundleManifest) -> str:
    """What the networks are given, and what is made of their outputs."""
    if MODALITIES[manifest.modality].volumes:
        return """Segmentation networks read B-scans resized as a whole to the grid of
`network_data_format`, grey values g of 0 to 255 as g / 127.5 - 1, with the neighbouring B-scans as
channels. Each gives logits of the tissues. The most probable tissue is pooled to shares of cells of
fixed size in mm, which the referral networks read. The probability of a class is the mean of the
softmax of its logits over all pairs of a segmentation and a referral network; that of a diagnosis
is the mean of the sigmoid of its logit."""
    return """A backbone reads a picture resized as a whole to the size of its data format, with RGB
values normalised as `channel_def` says. The embedding of a case is the mean over its pictures, and
over the views of each. A member's head maps the embedding of its backbone to logits; the system's
probability of a class is the mean of their softmax."""
