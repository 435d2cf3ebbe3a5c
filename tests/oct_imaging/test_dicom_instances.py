"""Volumes whose B-scans come in several DICOM files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmwrite, uid
from pydicom.dataset import Dataset

from tests.imaging.samples import dicom_dataset, picture
from triage.oct_imaging import Flag, Spacing
from triage.oct_imaging.decode import decode_volume, is_volume
from triage.oct_imaging.limits import VolumeLimits

from .samples import SPACING, groups, opt_dataset, retina
from .series import Files, concatenation, instance, located, read, single_frames, write


def test_single_frames_by_their_instance_numbers(tmp_path: Path) -> None:
    volume = read(tmp_path, single_frames())
    assert (volume.bscans == retina()).all()
    assert volume.spacing == Spacing(*SPACING)
    assert (volume.laterality, volume.device, volume.flags) == ("R", "Lens Works M1", ())


@pytest.mark.parametrize("numbers", [True, False])
def test_single_frames_by_their_positions(tmp_path: Path, numbers: bool) -> None:
    volume = read(tmp_path, single_frames(places=True, numbers=numbers))
    assert (volume.bscans == retina()).all()
    assert volume.spacing.bscan == pytest.approx(SPACING[0])
    assert volume.flags == ()


def test_positions_that_contradict_the_numbers_count(tmp_path: Path) -> None:
    files = single_frames(places=True)
    files["a"].InstanceNumber, files["e"].InstanceNumber = 3, 4
    volume = read(tmp_path, files)
    assert (volume.bscans == retina()).all()
    assert volume.flags == (Flag.ORDER_CONFLICT,)


def test_positions_alone_give_the_spacing_and_thickness_does_not(tmp_path: Path) -> None:
    plain = {"SharedFunctionalGroupsSequence": None, "PerFrameFunctionalGroupsSequence": None}

    def files(places: bool) -> Files:
        found = single_frames(**plain, PixelSpacing=[0.004, 0.011], SliceThickness="0.12")
        for n, data in enumerate(found.values()):
            for keyword in plain:
                delattr(data, keyword)
            if places:
                data.ImagePositionPatient = [0, 0.12 * n, 0]
        return found

    volume = read(tmp_path, files(places=False))
    assert volume.spacing == Spacing(None, 0.004, 0.011)
    assert volume.flags == (Flag.SPACING_MISSING,)
    volume = read(tmp_path, files(places=True))
    assert volume.spacing.bscan == pytest.approx(0.12)
    assert volume.flags == ()


@pytest.mark.parametrize("cuts", [(2, 4), (1, 2, 3, 4), (3,)])
def test_a_concatenation(tmp_path: Path, cuts: tuple[int, ...]) -> None:
    volume = read(tmp_path, concatenation(cuts))
    assert (volume.bscans == retina()).all()
    assert (volume.spacing, volume.flags) == (Spacing(*SPACING), ())


def test_a_concatenation_of_16_bits_is_scaled_as_one(tmp_path: Path) -> None:
    whole = decode_volume(
        write(tmp_path / "whole", {"a": opt_dataset(retina().astype(np.uint16) * 200)}) / "a",
        VolumeLimits(),
    )
    files = concatenation()
    for data in files.values():
        stored = np.frombuffer(data.PixelData, np.uint8).astype(np.uint16) * 200
        data.PixelData, data.BitsAllocated = stored.tobytes(), 16
        data.BitsStored, data.HighBit = 16, 15
        data["PixelData"].VR = "OW"
    assert (read(tmp_path, files).bscans == whole.bscans).all()


def test_a_concatenation_of_one_part_is_a_volume(tmp_path: Path) -> None:
    volume = read(tmp_path, concatenation(()))
    assert (volume.bscans == retina()).all()
    assert volume.flags == ()


def test_copies_count_once(tmp_path: Path) -> None:
    files = single_frames()
    files["copy"] = files["a"]
    again = single_frames()["b"]
    again.ImageComments = "exported twice"
    files["again"] = again
    volume = read(tmp_path, files)
    assert (volume.bscans == retina()).all()
    assert volume.flags == ()
    whole = {name: opt_dataset(retina()) for name in ("1", "2")}
    assert (read(tmp_path / "0", whole).bscans == retina()).all()


def test_a_few_frames_a_file(tmp_path: Path) -> None:
    for name, places in (("0", True), ("1", False)):
        files = {}
        for n, (start, end) in enumerate(((0, 2), (2, 4), (4, 5)), start=1):
            count = end - start
            where = located(count, SPACING[0] * start) if places else groups(count)
            files["zxy"[n - 1]] = instance(retina()[start:end], n, **where)
        volume = read(tmp_path / name, files)
        assert (volume.bscans == retina()).all()
        assert volume.flags == ()


def test_a_scale_that_some_files_lack_is_missing(tmp_path: Path) -> None:
    files = single_frames()
    files["b"].SharedFunctionalGroupsSequence = []
    volume = read(tmp_path, files)
    assert volume.spacing == Spacing()
    assert volume.flags == (Flag.SPACING_MISSING,)


def test_the_picture_of_the_fundus_belongs_to_all_files(tmp_path: Path) -> None:
    files = {}
    for n, bscan in enumerate(retina()):
        row = 10.0 * (n + 1)
        elements = groups(1, lines=[[row, 5.0, row, 45.0]])
        place = elements["PerFrameFunctionalGroupsSequence"][0].OphthalmicFrameLocationSequence[0]
        place.ReferencedSOPInstanceUID = "1.2.3.4"
        files["dbeac"[n]] = instance(bscan[None], None, **elements)
        files["dbeac"[n]].SOPInstanceUID = f"1.2.8.{n}"
    files["fundus"] = dicom_dataset(
        picture(), sop_class=uid.OphthalmicPhotography8BitImageStorage, PixelSpacing=[0.1, 0.1]
    )
    volume = read(tmp_path, files)
    assert (volume.bscans == retina()).all()
    assert volume.localizer is not None
    assert volume.localizer.lines is not None
    assert volume.localizer.lines[:, 0].tolist() == [[5, 10.0 * n] for n in range(1, 6)]


def test_the_same_files_under_other_names_are_the_same_volume(tmp_path: Path) -> None:
    first = read(tmp_path, single_frames(places=True, numbers=False))
    files = single_frames(places=True, numbers=False)
    renamed = dict(zip(reversed(list(files)), files.values(), strict=True))
    second = read(tmp_path / "0", renamed)
    assert first.sha256 == second.sha256
    assert (first.bscans == second.bscans).all()


def test_files_without_preamble_or_suffix(tmp_path: Path) -> None:
    """As a network hands them over: the bare data sets."""
    folder = tmp_path / "scan"
    folder.mkdir()
    for name, data in single_frames(places=True).items():
        del data.file_meta
        with (folder / name).open("wb") as stream:
            dcmwrite(stream, data, implicit_vr=True, little_endian=True, enforce_file_format=False)
    volume = decode_volume(folder, VolumeLimits())
    assert (volume.bscans == retina()).all()
    assert volume.flags == ()
    alone = decode_volume(folder / "a", VolumeLimits())
    assert len(alone.bscans) == 1
    assert is_volume(folder / "a")


IN_ACQUISITION, IN_SERIES = "ImagesInAcquisition", "NumberOfSeriesRelatedInstances"


def several_frames(*numbers: int, frames: int = 2, **elements: Any) -> Files:
    """Files of a few frames each, named by their instance numbers."""
    return {
        str(n): instance(retina(frames, seed=n), n, **(groups(frames) | elements)) for n in numbers
    }


def fundus(series: str = "1.2.5") -> Dataset:
    data = dicom_dataset(picture(), sop_class=uid.OphthalmicPhotography8BitImageStorage)
    data.SOPInstanceUID, data.SeriesInstanceUID = "1.2.7", series
    return data


@pytest.mark.parametrize("keyword", [IN_ACQUISITION, IN_SERIES])
@pytest.mark.parametrize(
    ("frames", "announced", "missing"),
    [(3, 2, True), (3, 4, True), (3, 3, False), (3, 1, False), (3, 0, False), (3, -2, False),
     (1, 6, True), (1, 1, False)],
)  # fmt: skip
def test_a_file_alone_that_announces_others(
    tmp_path: Path, keyword: str, frames: int, announced: int, missing: bool
) -> None:
    files = several_frames(1, frames=frames, **{keyword: announced})
    for volume in (read(tmp_path, files), decode_volume(tmp_path / "scan" / "1", VolumeLimits())):
        assert len(volume.bscans) == frames
        assert (Flag.BSCANS_MISSING in volume.flags) is missing
    copy = several_frames(1, frames=frames, **{keyword: announced})["1"]
    copy.ImageComments = "exported twice"
    twice = read(tmp_path / "0", files | {"copy": copy})
    assert (Flag.BSCANS_MISSING in twice.flags) is missing


def test_each_of_two_announced_numbers_counts(tmp_path: Path) -> None:
    volume = read(tmp_path, several_frames(1, frames=3, **{IN_ACQUISITION: 3, IN_SERIES: 2}))
    assert volume.flags == (Flag.BSCANS_MISSING,)


def test_the_number_of_a_whole_volume_tells_nothing_of_others(tmp_path: Path) -> None:
    files = several_frames(2, frames=3)
    assert read(tmp_path, files).flags == ()
    assert decode_volume(tmp_path / "scan" / "2", VolumeLimits()).flags == ()


@pytest.mark.parametrize("keyword", [IN_ACQUISITION, IN_SERIES])
@pytest.mark.parametrize(
    ("announced", "flags"), [(3, (Flag.BSCANS_MISSING,)), (2, ()), (4, ()), (1, ())]
)
def test_files_of_several_frames_that_announce_others(
    tmp_path: Path, keyword: str, announced: int, flags: tuple[Flag, ...]
) -> None:
    files = several_frames(1, 2)
    setattr(files["2"], keyword, announced)  # one header is enough
    volume = read(tmp_path, files)
    assert len(volume.bscans) == 4
    assert volume.flags == flags


def test_a_concatenation_that_announces_others(tmp_path: Path) -> None:
    files = concatenation((2, 4), **{IN_SERIES: 4})
    for data in files.values():
        del data.InConcatenationTotalNumber
    assert read(tmp_path / "0", files).flags == (Flag.BSCANS_MISSING,)
    whole = concatenation((2, 4), **{IN_SERIES: 3, IN_ACQUISITION: 5})
    assert read(tmp_path / "1", whole).flags == ()


@pytest.mark.parametrize("keyword", [IN_ACQUISITION, IN_SERIES])
@pytest.mark.parametrize(
    ("numbers", "announced", "series", "missing"),
    [
        ((1,), 2, "1.2.5", False),
        ((1,), 3, "1.2.5", False),  # B-scans and picture
        ((1,), 4, "1.2.5", True),
        ((1,), 3, "1.2.6", True),
        ((1, 2), 3, "1.2.5", False),
        ((1, 2), 3, "1.2.6", True),
        ((1, 2), 4, "1.2.5", False),
    ],
)
def test_the_picture_of_the_fundus_is_one_of_the_announced(
    tmp_path: Path,
    keyword: str,
    numbers: tuple[int, ...],
    announced: int,
    series: str,
    missing: bool,
) -> None:
    files = several_frames(*numbers, **{keyword: announced})
    volume = read(tmp_path, files | {"fundus": fundus(series)})
    assert volume.flags == ((Flag.BSCANS_MISSING,) if missing else ())


def test_pictures_that_cannot_be_read_or_are_copies_are_not_counted(tmp_path: Path) -> None:
    folder = write(tmp_path, several_frames(1, frames=5, **{IN_SERIES: 3}))
    write(folder, {"fundus": fundus(), "copy": fundus()})
    assert decode_volume(folder, VolumeLimits()).flags == (Flag.BSCANS_MISSING,)
    (folder / "copy").write_bytes((folder / "copy").read_bytes()[:1000])
    assert decode_volume(folder, VolumeLimits()).flags == (Flag.BSCANS_MISSING,)
