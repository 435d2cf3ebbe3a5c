"""Truncated, forged and mutated volumes: a volume or a typed refusal, and never much memory."""

from __future__ import annotations

import io
import json
import struct
import tracemalloc
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import uid

from tests.decoding.hostile import bare_dicom, deflate_bomb, many_elements, nested_sequences
from tests.imaging.samples import compressed, file_bytes
from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging import OctVolume
from triage.oct_imaging.decode import decode_volume
from triage.oct_imaging.limits import VolumeLimits

from .samples import meta, npz_bytes, opt_dataset, retina, write_folder

GIBIBYTE = 2**30
MEBIBYTE = 2**20
SMALL = retina(3, 48, 40)


def outcome(path: Path, limits: VolumeLimits | None = None) -> OctVolume | RejectReason | None:
    """A volume, or the reason of a refusal; None for a refusal that is not fit to be shown."""
    try:
        return decode_volume(path, limits or VolumeLimits())
    except ImageRejected as refusal:
        return refusal.reason if refusal.where == path.name else None


def outcome_of(folder: Path, data: bytes, **limits: int) -> OctVolume | RejectReason | None:
    path = folder / "scan"
    path.write_bytes(data)
    return outcome(path, VolumeLimits(**limits))


def peak_of(path: Path, limits: VolumeLimits | None = None) -> tuple[Any, int]:
    tracemalloc.start()
    try:
        return outcome(path, limits), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@cache
def forms() -> dict[str, bytes]:
    return {
        "plain": file_bytes(opt_dataset(SMALL)),
        "jpeg 2000": compressed(opt_dataset(SMALL), SMALL, uid.JPEG2000Lossless),
        "rle": compressed(opt_dataset(SMALL), SMALL, uid.RLELossless),
        "deflated": file_bytes(opt_dataset(SMALL, syntax=uid.DeflatedExplicitVRLittleEndian)),
        "npz": npz_bytes(volume=SMALL, meta=meta(), slo=SMALL[0]),
        "stored npz": npz_bytes(False, volume=SMALL, meta=meta()),
    }


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.999])
@pytest.mark.parametrize("form", list(forms()))
def test_truncated_files_are_refused(tmp_path: Path, form: str, share: float) -> None:
    data = forms()[form]
    found = outcome_of(tmp_path, data[: int(share * len(data))])
    assert found in {
        RejectReason.EMPTY,
        RejectReason.TRUNCATED,
        RejectReason.UNREADABLE,
        RejectReason.UNKNOWN_FORMAT,
    }
    assert (found is RejectReason.EMPTY) == (share == 0)


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    form=st.sampled_from(list(forms())),
    changes=st.lists(st.tuples(st.floats(0, 0.9999), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_mutated_files_are_read_or_refused(
    tmp_path: Path, form: str, changes: list[tuple[float, int]]
) -> None:
    data = bytearray(forms()[form])
    for where, value in changes:
        data[int(where * len(data))] = value
    assert isinstance(outcome_of(tmp_path, bytes(data)), OctVolume | RejectReason)


@pytest.mark.parametrize("form", list(forms()))
def test_mutated_headers_are_read_or_refused(tmp_path: Path, form: str) -> None:
    """Where a header is dense, every mutation counts."""
    data = forms()[form]
    rng = np.random.default_rng(0)
    for _ in range(60):
        mutant = bytearray(data)
        start = rng.integers(132 if form not in ("npz", "stored npz") else 0, min(len(data), 1500))
        mutant[start : start + 4] = rng.integers(0, 256, 4, np.uint8).tobytes()
        assert isinstance(outcome_of(tmp_path, bytes(mutant)), OctVolume | RejectReason)


def test_mutated_folders_are_read_or_refused(tmp_path: Path) -> None:
    text = meta(starts=[[0, 0], [0, 1], [0, 2]], ends=[[1, 0], [1, 1], [1, 2]])
    folder = write_folder(tmp_path / "export", SMALL, sidecar=text)
    rng = np.random.default_rng(1)
    originals = {path: path.read_bytes() for path in folder.iterdir()}
    for _ in range(200):
        for path, data in originals.items():
            mutant = bytearray(data)
            if rng.random() < 0.5:
                mutant[rng.integers(len(mutant))] = rng.integers(256)
            path.write_bytes(bytes(mutant))
        assert isinstance(outcome(folder), OctVolume | RejectReason)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    keys=st.dictionaries(
        st.sampled_from([*json.loads(meta()), "eye", "starts", "ends", "images", "localizer"]),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
            lambda inner: st.lists(inner, max_size=3),
            max_leaves=8,
        ),
    )
)
def test_any_sidecar_is_read_or_refused(tmp_path: Path, keys: dict[str, Any]) -> None:
    data = npz_bytes(volume=SMALL, meta=json.dumps(keys))
    assert isinstance(outcome_of(tmp_path, data), OctVolume | RejectReason)


def test_a_file_of_four_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    for name, head in (
        ("a.dcm", file_bytes(opt_dataset(SMALL))),
        ("b.npz", npz_bytes(volume=SMALL)),
    ):
        path = tmp_path / name
        with path.open("wb") as stream:
            stream.write(head)
            stream.truncate(4 * GIBIBYTE)  # sparse
        assert peak_of(path) == (RejectReason.TOO_LARGE, pytest.approx(0, abs=MEBIBYTE))
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "a.dcm").rename(folder / "a.png")
    assert outcome(folder) is RejectReason.TOO_LARGE


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((1000, 2048, 2048), RejectReason.TOO_MANY_PIXELS),
        ((1, 65_535, 65_535), RejectReason.TOO_MANY_PIXELS),
        ((100_000, 200, 200), RejectReason.TOO_MANY_FRAMES),
        ((1000, 490, 490), RejectReason.TRUNCATED),  # within the limits, but not there
        ((5, 0, 12), RejectReason.UNREADABLE),
    ],
)
def test_a_header_that_claims_gigabytes_is_refused_before_allocation(
    tmp_path: Path, shape: tuple[int, int, int], reason: RejectReason
) -> None:
    frames, rows, columns = shape
    elements = {"NumberOfFrames": frames, "Rows": rows, "Columns": columns}
    for syntax in (None, uid.JPEG2000Lossless):
        data = opt_dataset(SMALL)
        if syntax:
            data.compress(syntax, SMALL, generate_instance_uid=False)
        del data.PerFrameFunctionalGroupsSequence
        for name, value in elements.items():
            setattr(data, name, value)
        path = tmp_path / "scan.dcm"
        path.write_bytes(file_bytes(data))
        found, peak = peak_of(path)
        assert found in (reason, RejectReason.UNREADABLE if syntax else reason)
        assert peak < 4 * MEBIBYTE


def npy_header(shape: str, descr: str = "|u1") -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text = text.ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize(
    ("shape", "descr", "reason"),
    [
        ("(1000, 2048, 2048)", "|u1", RejectReason.TOO_MANY_PIXELS),
        ("(200, 1000, 1000)", "<f8", RejectReason.TOO_LARGE),
        ("(200, 1000, 1000)", "|u1", RejectReason.TRUNCATED),
        ("(-1, 10, 10)", "|u1", RejectReason.UNREADABLE),
        ("(1e9, 10, 10)", "|u1", RejectReason.UNREADABLE),
        ("(True, 10, 10)", "|u1", RejectReason.UNREADABLE),
        ("(3, 16, 12)", "|O", RejectReason.UNSUPPORTED_ENCODING),
        ("(3, 16, 12)", "<M8[D]", RejectReason.UNSUPPORTED_ENCODING),
        ("(1, 1, 1)", "|S999999999", RejectReason.UNSUPPORTED_ENCODING),
    ],
)
def test_array_headers_that_lie(
    tmp_path: Path, shape: str, descr: str, reason: RejectReason
) -> None:
    path = tmp_path / "scan.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("volume.npy", npy_header(shape, descr) + bytes(10))
    found, peak = peak_of(path)
    assert found is reason
    assert peak < 4 * MEBIBYTE


def test_an_archive_that_lies_about_its_sizes_is_not_allocated_for(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("volume.npy", npy_header("(200, 1000, 1000)") + bytes(10))
    data = stream.getvalue()
    size = struct.pack("<L", 128 + 10)
    data = data.replace(size, struct.pack("<L", 200_000_128))
    path = tmp_path / "scan.npz"
    path.write_bytes(data)
    found, peak = peak_of(path)
    assert found is RejectReason.TRUNCATED
    assert peak < 4 * MEBIBYTE


def test_a_zip_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "scan.npz"
    path.write_bytes(npz_bytes(volume=np.zeros((50, 1000, 1000), np.uint8)))
    assert path.stat().st_size < 100_000
    found, peak = peak_of(path, VolumeLimits(max_voxels=49_999_999))
    assert found is RejectReason.TOO_MANY_PIXELS
    assert peak < 4 * MEBIBYTE


def test_pickled_objects_are_never_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return (open, (str(tmp_path / "sprung"), "w"))

    objects = np.empty((1, 1, 1), object)
    objects[0, 0, 0] = Trap()
    for arrays in ({"volume": objects}, {"volume": SMALL, "meta": objects}):
        data = npz_bytes(**arrays)
        assert outcome_of(tmp_path, data) is RejectReason.UNSUPPORTED_ENCODING
    assert not (tmp_path / "sprung").exists()


def test_hostile_dicom_of_photographs_is_hostile_here_too(tmp_path: Path) -> None:
    assert outcome_of(tmp_path, bare_dicom(b"")) is RejectReason.WRONG_MODALITY
    assert outcome_of(tmp_path, nested_sequences(1000)) is RejectReason.UNREADABLE
    assert outcome_of(tmp_path, many_elements(3_000_000)) is RejectReason.TOO_LARGE
    limit = {"max_bytes": 16 * MEBIBYTE}
    assert outcome_of(tmp_path, deflate_bomb(64), **limit) is RejectReason.TOO_LARGE


def test_reading_takes_a_few_times_the_volume(tmp_path: Path) -> None:
    stored = retina(60, 256, 256)
    path = tmp_path / "scan.dcm"
    for dtype, times in ((np.uint8, 5), (np.uint16, 11)):
        path.write_bytes(file_bytes(opt_dataset(stored.astype(dtype))))
        found, peak = peak_of(path)
        assert isinstance(found, OctVolume)
        assert peak < times * stored.nbytes
