"""What an `.npz` costs before its arrays are read."""

from __future__ import annotations

import io
import struct
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging.decode import decode_volume
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.zip_archive import open_zip

from .samples import npz_bytes, retina

MEBIBYTE = 2**20
_MEMBER = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")


def directory_of(count: int, *, zip64: bool = False) -> bytes:
    """An archive that is nothing but a directory of empty members of the same name."""
    member = _MEMBER.pack(b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    directory = member * count
    start = b"PK\3\4" + bytes(60)
    end = b""
    entries, size, offset = min(count, 0xFFFF), len(directory), len(start)
    if zip64:
        end += struct.pack(
            "<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset
        )  # fmt: skip
        end += struct.pack("<4sLQL", b"PK\6\7", 0, offset + size, 1)
        entries, size, offset = 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF
    return start + directory + end + _END.pack(b"PK\5\6", 0, 0, entries, entries, size, offset, 0)


def refused(path: Path, data: bytes) -> RejectReason:
    path.write_bytes(data)
    del data
    tracemalloc.start()
    try:
        with pytest.raises(ImageRejected) as caught:
            decode_volume(path, VolumeLimits())
        assert tracemalloc.get_traced_memory()[1] < 4 * MEBIBYTE
    finally:
        tracemalloc.stop()
    assert caught.value.hint
    return caught.value.reason


@pytest.mark.parametrize("zip64", [False, True])
def test_a_large_directory_is_not_parsed(tmp_path: Path, zip64: bool) -> None:
    data = directory_of(300_000, zip64=zip64)
    assert zipfile.is_zipfile(io.BytesIO(data))
    assert refused(tmp_path / "a.npz", data) is RejectReason.TOO_LARGE


@pytest.mark.parametrize("zip64", [False, True])
def test_a_directory_of_too_many_members_is_refused(tmp_path: Path, zip64: bool) -> None:
    assert refused(tmp_path / "a.npz", directory_of(500, zip64=zip64)) is RejectReason.TOO_LARGE


def test_two_arrays_of_one_name(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in (0, 1):
            with archive.open("volume.npy", "w") as member:
                np.save(member, retina(seed=seed))
    assert refused(tmp_path / "a.npz", stream.getvalue()) is RejectReason.INCONSISTENT


def test_a_member_beyond_the_end_of_the_file(tmp_path: Path) -> None:
    data = bytearray(npz_bytes(False, volume=retina()))
    at = data.rindex(b"PK\1\2")
    struct.pack_into("<2L", data, at + 20, 3_000_000_000, 3_000_000_000)
    assert refused(tmp_path / "a.npz", bytes(data)) is RejectReason.TRUNCATED


def test_what_an_array_takes_is_what_its_8_bits_take_after_reading(tmp_path: Path) -> None:
    """Deep samples are scaled within their own memory."""
    stored = np.random.default_rng(0).integers(0, 2**16, (60, 256, 256), dtype=np.uint16)
    path = tmp_path / "a.npz"
    path.write_bytes(npz_bytes(False, volume=stored))
    tracemalloc.start()
    try:
        volume = decode_volume(path, VolumeLimits())
        size, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert volume.bscans.nbytes == stored.size
    assert size < stored.size + MEBIBYTE
    assert peak < stored.nbytes + 40 * MEBIBYTE


def test_a_whole_archive_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(npz_bytes(volume=retina(), slo=retina()[0]))
    with path.open("rb") as stream:
        with open_zip(stream, 64) as archive:
            assert archive.namelist() == ["volume.npy", "slo.npy"]
        assert not stream.closed
