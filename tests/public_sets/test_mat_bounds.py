"""Headers of MATLAB files that say more than their arrays can hold."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from triage.errors import ImageRejected, RejectReason
from triage.public_sets.mat_bounds import check_arrays

HEADER = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
SIDES = (4, 5, 6)


def array(name: bytes, *, length: int | None = None, flags: int = 6, order: str = "<") -> bytes:
    """A matrix element of doubles, whose data are said to be of `length` bytes."""
    size = 8 * 4 * 5 * 6
    body = struct.pack(f"{order}4I", 6, 8, flags, 0)
    body += struct.pack(f"{order}2I3i4x", 5, 12, *SIDES)
    body += struct.pack(f"{order}2I", 1, len(name)) + name.ljust(8, b"\0")
    body += struct.pack(f"{order}2I", 9, size if length is None else length) + bytes(size)
    return struct.pack(f"{order}2I", 14, len(body)) + body


def packed(element: bytes) -> bytes:
    content = zlib.compress(element)
    return struct.pack("<2I", 15, len(content)) + content


def outcome(path: Path, content: bytes, name: str = "images") -> RejectReason | None:
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with path.open("rb") as stream:
            check_arrays(stream, (name,))
    except ImageRejected as refusal:
        return refusal.reason
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2**18
    return None


@pytest.mark.parametrize("pack", [bytes, packed])
def test_an_array_longer_than_its_sides(tmp_path: Path, pack: object) -> None:
    assert callable(pack)
    path = tmp_path / "a.mat"
    whole = pack(array(b"images"))
    longer = pack(array(b"images", length=4_000_000_000))
    assert outcome(path, HEADER + whole) is None
    assert outcome(path, HEADER + longer) is RejectReason.UNREADABLE
    assert outcome(path, HEADER + whole + longer) is RejectReason.UNREADABLE
    assert outcome(path, HEADER + longer, "other") is None
    assert outcome(path, (HEADER + longer)[:-1]) is RejectReason.TRUNCATED


def test_what_is_no_array_of_real_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    for flags in (1, 2, 4, 6 | 0x0800):
        found = outcome(path, HEADER + array(b"images", flags=flags))
        assert found is RejectReason.UNSUPPORTED_ENCODING
    for content in (b"", HEADER[:126] + b"XX", HEADER + packed(b"junk") + bytes(9)):
        assert outcome(path, content) is not RejectReason.UNSUPPORTED_ENCODING


def test_files_of_scipy_and_of_the_other_byte_order(tmp_path: Path) -> None:
    for compressed in (False, True):
        arrays = {"images": np.zeros(SIDES, np.uint8), "x": np.zeros((1, 1)), "text": "abc"}
        savemat(tmp_path / "b.mat", arrays, do_compression=compressed)
        content = (tmp_path / "b.mat").read_bytes()
        for name in ("images", "x"):
            assert outcome(tmp_path / "a.mat", content, name) is None
    header = HEADER[:124] + b"\x01\x00MI"
    assert outcome(tmp_path / "a.mat", header + array(b"images", order=">")) is None
    longer = array(b"images", order=">", length=10**9)
    assert outcome(tmp_path / "a.mat", header + longer) is RejectReason.UNREADABLE
