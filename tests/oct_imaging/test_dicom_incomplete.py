"""DICOM files of one folder that are not all of one volume, or of more than one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.imaging.samples import file_bytes
from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging import Flag
from triage.oct_imaging.decode import decode_volume
from triage.oct_imaging.limits import VolumeLimits

from .samples import groups, retina
from .series import Files, concatenation, instance, located, read, single_frames, write


def refused(folder: Path, files: Files) -> ImageRejected:
    with pytest.raises(ImageRejected) as caught:
        read(folder, files)
    assert caught.value.hint
    return caught.value


def test_concatenated_parts_that_are_missing(tmp_path: Path) -> None:
    for missing in ("8.dcm", "7.dcm", "6.dcm"):
        files = concatenation()
        del files[missing]
        refusal = refused(tmp_path / missing, files)
        assert refusal.reason is RejectReason.TRUNCATED
        assert "2 of the volume's 3 parts are there" in refusal.what


def test_a_part_alone_is_refused(tmp_path: Path) -> None:
    for data in concatenation().values():
        path = tmp_path / "part.dcm"
        path.write_bytes(file_bytes(data))
        with pytest.raises(ImageRejected, match="one of the 3 parts") as caught:
            decode_volume(path, VolumeLimits())
        assert caught.value.reason is RejectReason.TRUNCATED


def test_a_part_without_a_total(tmp_path: Path) -> None:
    parts = list(concatenation().values())
    path = tmp_path / "part.dcm"
    for part in parts:
        del part.InConcatenationTotalNumber
    path.write_bytes(file_bytes(parts[1]))
    with pytest.raises(ImageRejected, match="only a part") as caught:
        decode_volume(path, VolumeLimits())
    assert caught.value.reason is RejectReason.TRUNCATED
    path.write_bytes(file_bytes(parts[0]))
    assert decode_volume(path, VolumeLimits()).flags == (Flag.BSCANS_MISSING,)


def test_parts_that_contradict_each_other(tmp_path: Path) -> None:
    numbers = concatenation()
    numbers["7.dcm"].InConcatenationNumber = 1
    assert refused(tmp_path / "0", numbers).reason is RejectReason.INCONSISTENT
    offsets = concatenation()
    offsets["7.dcm"].ConcatenationFrameOffsetNumber = 3
    assert refused(tmp_path / "1", offsets).reason is RejectReason.TRUNCATED
    totals = concatenation()
    totals["7.dcm"].InConcatenationTotalNumber = 4
    assert refused(tmp_path / "2", totals).reason is RejectReason.INCONSISTENT


@pytest.mark.parametrize("missing", ["d", "b", "e", "a"])
def test_numbers_that_leave_some_out_are_flagged(tmp_path: Path, missing: str) -> None:
    files = single_frames()
    del files[missing]
    volume = read(tmp_path, files)
    assert len(volume.bscans) == 4
    assert volume.flags == (Flag.BSCANS_MISSING,)


def test_positions_that_leave_some_out_are_flagged(tmp_path: Path) -> None:
    files = single_frames(places=True, numbers=False)
    del files["e"]
    volume = read(tmp_path, files)
    assert len(volume.bscans) == 4
    assert Flag.BSCANS_MISSING in volume.flags
    assert volume.spacing.bscan is None


def test_fewer_files_than_the_header_says(tmp_path: Path) -> None:
    files = single_frames(ImagesInAcquisition=5)
    assert (read(tmp_path, files).bscans == retina()).all()
    (tmp_path / "scan" / "c").unlink()
    del files["c"]
    refusal = refused(tmp_path, files)
    assert refusal.reason is RejectReason.TRUNCATED
    assert "4 of the volume's 5" in refusal.what


def test_one_identifier_for_two_pictures(tmp_path: Path) -> None:
    files = single_frames()
    files["a"].SOPInstanceUID = files["b"].SOPInstanceUID
    refusal = refused(tmp_path, files)
    assert refusal.reason is RejectReason.INCONSISTENT
    assert "same SOP Instance UID" in refusal.what


@pytest.mark.parametrize("number", [4, None])
def test_files_whose_order_nothing_tells(tmp_path: Path, number: int | None) -> None:
    files = single_frames()
    files["c"].InstanceNumber = number
    refusal = refused(tmp_path, files)
    assert refusal.reason is RejectReason.INCONSISTENT
    assert "nothing states in what order" in refusal.what


def test_several_series_are_several_volumes(tmp_path: Path) -> None:
    files = single_frames()
    for name in "ab":
        files[name].SeriesInstanceUID = "1.2.6"
    refusal = refused(tmp_path, files)
    assert refusal.reason is RejectReason.INCONSISTENT
    assert "holds 2 volumes" in refusal.what


def test_whole_volumes_of_one_series_are_not_joined(tmp_path: Path) -> None:
    """Two repetitions over the same place, and two long objects that say nothing of places."""
    repeated = {
        str(n): instance(retina(seed=n), n, **located(5, 0.01 * n)) for n in (1, 2)
    }  # fmt: skip
    assert "holds 2 volumes" in refused(tmp_path / "0", repeated).what
    same = {str(n): instance(retina(seed=n), n, **located(5, 0)) for n in (1, 2)}
    assert "holds 2 volumes" in refused(tmp_path / "1", same).what
    long = {str(n): instance(retina(17, seed=n), n, **groups(17)) for n in (1, 2)}
    assert "holds 2 volumes" in refused(tmp_path / "2", long).what


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ImageLaterality": "L"}, "different eyes"),
        (groups(1, spacing=(0.12, 0.004, 0.02)), "differ in their scale"),
        (groups(1, spacing=(0.2, 0.004, 0.011)), "differ in their scale"),
    ],
)
def test_files_that_disagree(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    files = single_frames()
    for keyword, value in change.items():
        setattr(files["a"], keyword, value)
    refusal = refused(tmp_path, files)
    assert refusal.reason is RejectReason.INCONSISTENT
    assert said in refusal.what


def test_files_of_other_sizes_or_depths(tmp_path: Path) -> None:
    files = single_frames()
    files["c"] = instance(retina(rows=50)[:1], 5, **groups(1))
    assert "differ in the size" in refused(tmp_path / "0", files).what
    files["c"] = instance(retina()[:1].astype(np.uint16), 5, **groups(1))
    assert "differ in the size or depth" in refused(tmp_path / "1", files).what


def test_limits_hold_for_all_files_together(tmp_path: Path) -> None:
    folder = write(tmp_path / "scan", single_frames())
    for limits, reason in (
        (VolumeLimits(max_voxels=4 * 48 * 40), RejectReason.TOO_MANY_PIXELS),
        (VolumeLimits(max_bscans=4), RejectReason.TOO_MANY_FRAMES),
        (VolumeLimits(max_bytes=8000), RejectReason.TOO_LARGE),
    ):
        with pytest.raises(ImageRejected) as caught:
            decode_volume(folder, limits)
        assert caught.value.reason is reason


@pytest.mark.parametrize("make", [concatenation, single_frames])
def test_mutated_folders_are_read_or_refused(tmp_path: Path, make: Callable[[], Files]) -> None:
    folder = write(tmp_path / "scan", make())
    originals = {path: path.read_bytes() for path in folder.iterdir()}
    rng = np.random.default_rng(2)
    for _ in range(80):
        for path, data in originals.items():
            mutant = bytearray(data)
            if rng.random() < 0.4:
                start = rng.integers(132, 1400)
                mutant[start : start + 3] = rng.integers(0, 256, 3, np.uint8).tobytes()
            path.write_bytes(bytes(mutant))
        try:
            volume = decode_volume(folder, VolumeLimits())
        except ImageRejected as refusal:
            assert refusal.where == "scan"  # noqa: PT017 - either is right
        else:
            assert len(volume.bscans) <= 5
