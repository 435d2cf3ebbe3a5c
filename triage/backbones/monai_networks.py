"""Networks of MONAI that can be trained from random weights, by their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from triage.registry import Info, Registry


@dataclass(frozen=True)
class MonaiNetwork(Info):
    """Description of a 2D network of MONAI.

    Parameters
    ----------
    key, title, source, needs
        As in `triage.registry.Info`.
    width : int
        Length of the embedding.
    blocks : tuple of int
        Residual blocks of each stage; empty for DenseNet-121.
    channels : tuple of int
        Of each stage.
    """

    width: int
    blocks: tuple[int, ...] = ()
    channels: tuple[int, ...] = ()


_RESNET = "He et al. 2016"

MONAI_NETWORKS: Registry[MonaiNetwork] = Registry(
    "MONAI network",
    (
        MonaiNetwork(
            "resnet10_narrow",
            "ResNet-10 with half the channels, initialised at random",
            _RESNET,
            256,
            (1, 1, 1, 1),
            (32, 64, 128, 256),
        ),
        MonaiNetwork(
            "resnet10",
            "ResNet-10, initialised at random",
            _RESNET,
            512,
            (1, 1, 1, 1),
            (64, 128, 256, 512),
        ),
        MonaiNetwork(
            "resnet18",
            "ResNet-18, initialised at random",
            _RESNET,
            512,
            (2, 2, 2, 2),
            (64, 128, 256, 512),
        ),
        MonaiNetwork(
            "resnet34",
            "ResNet-34, initialised at random",
            _RESNET,
            512,
            (3, 4, 6, 3),
            (64, 128, 256, 512),
        ),
        MonaiNetwork(
            "densenet121",
            "DenseNet-121, initialised at random",
            "Huang et al. 2017",
            1024,
        ),
    ),
    columns={"embedding": lambda network: str(network.width)},
)
"""Every network that `monai:<network>` names."""


def build_monai(name: str) -> tuple[nn.Module, int]:
    """Return a network with random weights, and the length of its embedding.

    Parameters
    ----------
    name : str
        Key of `MONAI_NETWORKS`.

    Raises
    ------
    UsageError
        If there is no such network; the message has the nearest name.
    """
    chosen = MONAI_NETWORKS[name]
    from monai.networks.nets import DenseNet121, ResNet  # importing MONAI takes seconds

    if not chosen.blocks:
        densenet = DenseNet121(spatial_dims=2, in_channels=3, out_channels=2)
        densenet.class_layers.out = nn.Identity()
        return densenet, chosen.width
    return ResNet(**resnet_arguments(chosen)), chosen.width


def resnet_arguments(chosen: MonaiNetwork) -> dict[str, Any]:
    """Arguments of MONAI's `ResNet`, of plain JSON types."""
    # `conv1_t_stride=2, bias_downsample=False` makes it the usual ResNet, three times faster than
    # MONAI's default first layer.
    return {
        "block": "basic",
        "layers": list(chosen.blocks),
        "block_inplanes": list(chosen.channels),
        "spatial_dims": 2,
        "n_input_channels": 3,
        "conv1_t_stride": 2,
        "bias_downsample": False,
        "feed_forward": False,
    }
