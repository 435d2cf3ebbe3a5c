"""The binary message to a component in the browser: a JSON header, then byte strings."""

from __future__ import annotations

import json
import struct
from typing import Any


class Payload:
    """Collects byte strings, such as pictures; the header refers to each by offset and length."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._length = 0

    def add(self, part: bytes) -> list[int]:
        """Append a part and return its offset after the header and its length, in bytes."""
        reference = [self._length, len(part)]
        self._parts.append(part)
        self._length += len(part)
        return reference

    def encode(self, header: dict[str, Any]) -> bytes:
        """Return the message: length of the header as little-endian uint32, header, parts."""
        text = json.dumps(header, allow_nan=False).encode()
        return struct.pack("<I", len(text)) + text + b"".join(self._parts)
