"""Test for missing JPEG data: decode the stream with appended entropy-coded bytes.

After the last sample of a segment of entropy-coded data, decoders skip the remaining bytes. So
appended bytes change nothing in a complete picture, and change one whose data end early.
"""

from __future__ import annotations

import re

import numpy as np

# Pseudo-random bytes without 0xFF; zeros would look like what decoders fill in.
MORE = bytes(np.random.default_rng(81).integers(1, 255, 48, np.uint8))
_END_OF_SEGMENT = re.compile(rb"\xff+[^\x00\xff]")
_SCAN_HEADER, _END = 0xDA, 0xD9
_RESTART = range(0xD0, 0xD8)


def with_more_entropy(data: bytes) -> bytes:
    """Append bytes to each entropy-coded segment, also before restart markers.

    Parameters
    ----------
    data : bytes
        A stream whose markers `read_jpeg_markers` has read.
    """
    pieces: list[bytes] = []
    done, position = 0, 2
    while position + 4 <= len(data):
        marker = data[position + 1]
        if data[position] != 0xFF or marker in (0x01, 0xFF):
            position += 1
            continue
        if marker == _END:
            break
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        while marker == _SCAN_HEADER:
            end = _END_OF_SEGMENT.search(data, position)
            start, position = (len(data),) * 2 if end is None else end.span()
            pieces += [data[done:start], MORE]
            done = start
            if end is None or data[position - 1] not in _RESTART:
                position = start
                break
    return b"".join([*pieces, data[done:]])
