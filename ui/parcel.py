"""Bytes on their way to a client-side component: a JSON header, then pictures end to end."""

from __future__ import annotations

import json
import struct
from typing import Any


class Parcel:
    """Collects pictures; a header says where each lies."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._length = 0

    def add(self, part: bytes) -> list[int]:
        """Add a part and return its place: where it begins after the header, and its length."""
        place = [self._length, len(part)]
        self._parts.append(part)
        self._length += len(part)
        return place

    def seal(self, header: dict[str, Any]) -> bytes:
        """Return the whole: length of the header as little-endian uint32, header, parts."""
        text = json.dumps(header, allow_nan=False).encode()
        return struct.pack("<I", len(text)) + text + b"".join(self._parts)
