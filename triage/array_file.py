"""Arrays on disk with a header and a hash of both: read back exactly, or not at all.

Safetensors checks a file's structure, not its numbers; what is reused silently between runs
must not be silently altered.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from triage.atomic_write import whole_file
from triage.errors import UsageError
from triage.hashing import hash_bytes, hash_json
from triage.regular_file import open_regular

Arrays = dict[str, NDArray[Any]]
MAX_BYTES = 16 << 30
"""Above the embeddings of a million images."""


def save_arrays(path: Path, arrays: Arrays, header: dict[str, Any]) -> None:
    """Write arrays and a header of plain JSON types, whole or not at all.

    Raises
    ------
    UsageError
        If the place cannot be written to.
    """
    # Safetensors writes the buffer as it lies in memory, whatever the strides say.
    plain = {name: np.array(value, order="C") for name, value in arrays.items()}
    text = json.dumps(header)
    # One entry: safetensors writes several in any order; the same content must be the same file.
    metadata = {"content": json.dumps([text, _digest(plain, text)])}
    try:
        with whole_file(path) as partial:
            save_file(plain, partial, metadata=metadata)
    except (OSError, UnicodeError, SafetensorError) as error:
        raise UsageError(
            "cannot be written to", where=str(path.parent), hint="Choose another place."
        ) from error


def row_major(arrays: Arrays) -> Arrays:
    """Return the arrays as `load_arrays` lays them out in memory; those that are so stay.

    A matrix product may round differently where a factor is stored by columns, so what computes
    with such an array before it is saved and after could differ in the last digits.
    """
    return {name: np.asarray(value, order="C") for name, value in arrays.items()}


def load_arrays(path: Path) -> tuple[Arrays, dict[str, Any]] | None:
    """Read what `save_arrays` wrote; None if there is no such file or it is damaged.

    A folder, a pipe, a device and a file of more than `MAX_BYTES` count as damaged.
    """
    try:
        with open_regular(path) as stream:
            if os.fstat(stream.fileno()).st_size > MAX_BYTES:
                return None
            with safe_open(path, framework="np") as file:
                metadata = file.metadata()
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if "content" in metadata:
            text, digest = json.loads(metadata["content"])
        else:  # as files were written before
            text, digest = metadata["header"], metadata["sha256"]
        if digest != _digest(arrays, text):
            return None
        return arrays, json.loads(text)
    except (OSError, SafetensorError, LookupError, TypeError, ValueError, RecursionError):
        return None


def _digest(arrays: Arrays, header: str) -> str:
    content = {
        name: [str(value.dtype), list(value.shape), hash_bytes(value.tobytes())]
        for name, value in arrays.items()
    }
    return hash_json([content, header])
