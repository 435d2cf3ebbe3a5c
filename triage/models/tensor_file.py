"""Tensors on disk with a header and a hash of both: read back exactly, or not at all.

Safetensors checks a file's structure, not its numbers; what is reused silently between runs
must not be silently altered.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from triage.errors import UsageError
from triage.hashing import hash_bytes, hash_json
from triage.whole_file import whole_file


def save_tensors(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    """Write tensors and a header of plain JSON types, whole or not at all.

    Raises
    ------
    UsageError
        If the place cannot be written to.
    """
    plain = {name: value.detach().clone().contiguous() for name, value in tensors.items()}
    text = json.dumps(header)
    metadata = {"header": text, "sha256": _digest(plain, text)}
    try:
        with whole_file(path) as partial:
            save_file(plain, partial, metadata=metadata)
    except (OSError, SafetensorError) as error:
        raise UsageError(
            "cannot be written to", where=str(path.parent), mend="Choose another place."
        ) from error


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Read what `save_tensors` wrote; None if there is no such file or it is damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        text = metadata["header"]
        if metadata["sha256"] != _digest(tensors, text):
            return None
        return tensors, json.loads(text)
    except (OSError, SafetensorError, LookupError, TypeError, ValueError):
        return None


def _digest(tensors: dict[str, Tensor], header: str) -> str:
    content = {
        name: [str(value.dtype), list(value.shape), hash_bytes(value.numpy().tobytes())]
        for name, value in tensors.items()
    }
    return hash_json([content, header])
