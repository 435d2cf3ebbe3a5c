"""Tensor files: `triage.array_file` for torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from triage.array_file import load_arrays, save_arrays


def save_tensors(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    """Write tensors and a header of plain JSON types atomically.

    Raises
    ------
    UsageError
        If the place cannot be written to.
    """
    arrays = {name: value.detach().cpu().numpy() for name, value in tensors.items()}
    save_arrays(path, arrays, header)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Read a file of `save_tensors`; None if it does not exist or is damaged."""
    found = load_arrays(path)
    if found is None:
        return None
    arrays, header = found
    return {name: torch.from_numpy(value) for name, value in arrays.items()}, header
