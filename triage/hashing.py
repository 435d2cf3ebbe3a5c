"""Content hashes: of bytes, files and JSON values.

All are SHA-256 in hexadecimal. JSON values are hashed in one canonical form
(sorted keys, no spaces, UTF-8), so equal values have equal hashes.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, BinaryIO

from triage.regular_file import open_regular


def hash_bytes(data: bytes) -> str:
    """Return the SHA-256 of some bytes, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a regular file's content, read in pieces.

    Raises
    ------
    OSError
        If the file cannot be read, or is a pipe or a device.
    """
    with open_regular(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def hash_stream(stream: BinaryIO) -> str:
    """Return the SHA-256 of what an open file has from here on, read in pieces."""
    digest = hashlib.sha256()
    while piece := stream.read(1 << 20):
        digest.update(piece)
    return digest.hexdigest()


def canonical_json(value: Any) -> str:
    """Return the one canonical JSON text of a value of plain JSON types."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def hash_json(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON text of a value."""
    return hash_bytes(canonical_json(value).encode())
