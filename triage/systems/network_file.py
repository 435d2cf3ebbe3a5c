"""The weights of a network as a file of a bundle."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import save_file
from torch import nn


def save_network(path: Path, network: nn.Module) -> None:
    """Write a network's weights as safetensors, in a folder that is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, path)
