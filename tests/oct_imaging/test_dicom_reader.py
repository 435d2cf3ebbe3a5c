"""DICOM Ophthalmic Tomography: pixels, geometry, eye and refusals."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread, uid
from pydicom.dataset import Dataset

from tests.imaging.samples import (
    compressed,
    compressed_by_gdcm,
    dicom_dataset,
    encapsulated,
    file_bytes,
    picture,
)
from triage.decoding.read_volume import read_volume
from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging import Flag, OctVolume, Spacing
from triage.oct_imaging.claims import finish
from triage.oct_imaging.dicom_class import dicom_class
from triage.oct_imaging.dicom_reader import read_opt
from triage.oct_imaging.limits import DEFAULT_VOLUME_LIMITS

from .samples import SPACING, groups, opt_dataset, retina


def read(data: bytes) -> OctVolume:
    return finish(read_opt(data, DEFAULT_VOLUME_LIMITS))


def refused(data: bytes) -> ImageRejected:
    with pytest.raises(ImageRejected) as caught:
        read(data)
    return caught.value


def test_a_volume_with_functional_groups() -> None:
    stored = retina()
    data = file_bytes(opt_dataset(stored))
    volume = read(data)
    assert dicom_class(data[:4096]) == uid.OphthalmicTomographyImageStorage
    assert (volume.bscans == stored).all()
    assert volume.spacing == Spacing(*SPACING)
    assert (volume.laterality, volume.kind, volume.device) == ("R", "dicom", "Lens Works M1")
    assert volume.flags == ()


def test_attributes_of_older_objects() -> None:
    elements = dict.fromkeys(groups(1))
    spacing = {"PixelSpacing": [0.004, 0.011], "SpacingBetweenSlices": "0.12"}
    data = opt_dataset(retina(), **elements, **spacing)
    del data.SharedFunctionalGroupsSequence, data.PerFrameFunctionalGroupsSequence
    del data.ImageLaterality
    data.Laterality = "L"
    volume = read(file_bytes(data))
    assert volume.spacing == Spacing(*SPACING)
    assert volume.laterality == "L"
    assert volume.claims["bscan_spacing"][0].source == "SpacingBetweenSlices (0018,0088)"


@pytest.mark.parametrize("syntax", [uid.JPEG2000Lossless, uid.JPEGLSLossless, uid.RLELossless])
def test_lossless_compressions(syntax: uid.UID) -> None:
    stored = retina()
    volume = read(compressed(opt_dataset(stored), stored, syntax))
    assert (volume.bscans == stored).all()
    deep = stored.astype(np.uint16) * 16
    volume = read(compressed(opt_dataset(deep, bits=12), deep, syntax))
    assert np.abs(volume.bscans.astype(int) - stored).mean() < 10


def test_deflated_big_endian_and_jpeg_lossless(tmp_path: Path) -> None:
    stored = retina()
    for syntax in (uid.DeflatedExplicitVRLittleEndian, uid.ExplicitVRBigEndian):
        data = opt_dataset(stored, syntax=syntax)
        assert (read(file_bytes(data)).bscans == stored).all()
    # GDCM compresses secondary captures only
    plain = file_bytes(dicom_dataset(stored, photometric="MONOCHROME2"))
    data = dcmread(
        BytesIO(compressed_by_gdcm(plain, gdcm.TransferSyntax.JPEGLosslessProcess14_1, tmp_path))
    )
    data.SOPClassUID = uid.OphthalmicTomographyImageStorage
    assert (read(file_bytes(data)).bscans == stored).all()


def test_sixteen_bits_are_scaled_and_inverted_pixels_turned() -> None:
    stored = retina()
    deep = stored.astype(np.uint16) * 200
    volume = read(file_bytes(opt_dataset(deep)))
    assert volume.bscans.dtype == np.uint8
    assert np.corrcoef(volume.bscans.ravel(), stored.ravel())[0, 1] > 0.999
    signed = deep.astype(np.int32).clip(0, 60_000) - 30_000
    volume = read(file_bytes(opt_dataset(signed.astype(np.int16))))
    assert np.corrcoef(volume.bscans.ravel(), stored.ravel())[0, 1] > 0.999
    inverted = opt_dataset(255 - stored, photometric="MONOCHROME1")
    assert (read(file_bytes(inverted)).bscans == stored).all()


def test_missing_spacing_is_flagged_and_never_assumed() -> None:
    data = opt_dataset(
        retina(),
        **groups(5, spacing=None),
        DepthSpatialResolution=3.9,  # the optics' resolution is no distance of samples
        AlongScanSpatialResolution=11.0,
        AcrossScanSpatialResolution=120.0,
    )
    volume = read(file_bytes(data))
    assert volume.spacing == Spacing()
    assert volume.flags == (Flag.SPACING_MISSING,)


def test_positions_give_the_step_and_contradict_the_header() -> None:
    places = [0.0, 0.12, 0.24, 0.36, 0.48]
    volume = read(file_bytes(opt_dataset(retina(), **groups(5, places=places))))
    assert volume.spacing.bscan == pytest.approx(0.12)
    assert volume.flags == ()
    volume = read(file_bytes(opt_dataset(retina(), **groups(5, places=[2 * y for y in places]))))
    assert (volume.spacing.bscan, volume.flags) == (None, (Flag.SPACING_CONFLICT,))
    gap = read(file_bytes(opt_dataset(retina(), **groups(5, places=[0, 0.12, 0.24, 0.6, 0.72]))))
    assert gap.spacing.bscan is None
    assert set(gap.flags) == {Flag.BSCANS_MISSING, Flag.SPACING_CONFLICT}


@pytest.mark.parametrize("how", ["places", "lines"])
def test_frames_out_of_order_are_sorted_and_flagged(how: str) -> None:
    order = [0, 3, 1, 2, 4]
    where: list[Any] = [0.12 * index for index in order]
    if how == "lines":  # row, column of start and end on the localizer
        where = [[10.0 * index, 5.0, 10.0 * index, 95.0] for index in order]
    volume = read(file_bytes(opt_dataset(retina()[order], **groups(5, **{how: where}))))
    assert (volume.bscans == retina()).all()
    assert volume.flags == (Flag.ORDER_CONFLICT,)


def test_eyes_that_disagree() -> None:
    elements = groups(5, lateralities=["L"] * 5)
    volume = read(file_bytes(opt_dataset(retina(), **elements)))
    assert (volume.laterality, volume.flags) == (None, (Flag.LATERALITY_CONFLICT,))
    data = opt_dataset(retina())
    del data.ImageLaterality
    assert read(file_bytes(data)).flags == (Flag.LATERALITY_UNKNOWN,)


@pytest.mark.parametrize(
    "elements",
    [groups(5, lateralities=["R", "R", "L", "L", "L"]), {"ImageLaterality": "B"}],
    ids=["frames of each", "header says both"],
)
def test_both_eyes_in_one_file(elements: dict[str, Any]) -> None:
    refusal = refused(file_bytes(opt_dataset(retina(), **elements)))
    assert refusal.reason is RejectReason.BOTH_EYES
    assert "Export each eye" in str(refusal)


def test_a_single_bscan() -> None:
    volume = read(file_bytes(opt_dataset(retina()[:1])))
    assert volume.flags == (Flag.SINGLE_BSCAN,)


def test_frame_counts_that_are_wrong() -> None:
    stored = retina()
    plain = {name: value for name, value in groups(5).items() if name.startswith("Shared")}

    def counted(frames: int) -> Dataset:
        data = opt_dataset(stored, **plain, NumberOfFrames=frames)
        del data.PerFrameFunctionalGroupsSequence
        return data

    assert refused(file_bytes(counted(6))).reason is RejectReason.TRUNCATED
    assert refused(file_bytes(counted(4))).reason is RejectReason.INCONSISTENT
    for syntax in (uid.JPEG2000Lossless, uid.RLELossless):
        for frames, reason in ((6, RejectReason.TRUNCATED), (4, RejectReason.INCONSISTENT)):
            data = counted(5)
            data.compress(syntax, stored, generate_instance_uid=False)
            data.NumberOfFrames = frames
            assert refused(file_bytes(data)).reason is reason
    refusal = refused(file_bytes(opt_dataset(stored, **groups(4))))
    assert refusal.reason is RejectReason.INCONSISTENT
    assert "announces 5 B-scans and describes 4" in str(refusal)


def test_surplus_frames_without_an_offset_table_are_counted() -> None:
    from pydicom.encaps import encapsulate, generate_frames

    stored = retina()
    data = opt_dataset(stored)
    data.compress(uid.JPEGLSLossless, stored, generate_instance_uid=False)
    frames = list(generate_frames(data.PixelData, number_of_frames=5))
    data = opt_dataset(stored[:4])
    data.file_meta.TransferSyntaxUID = uid.JPEGLSLossless
    data.PixelData = encapsulate(frames, has_bot=False)
    data["PixelData"].is_undefined_length = True
    assert refused(file_bytes(data)).reason is RejectReason.INCONSISTENT
    fine = opt_dataset(stored)
    fine.file_meta.TransferSyntaxUID = uid.JPEGLSLossless
    fine.PixelData = encapsulate(frames, fragments_per_frame=2, has_bot=True)
    fine["PixelData"].is_undefined_length = True
    assert (read(file_bytes(fine)).bscans == stored).all()


@pytest.mark.parametrize(
    ("sop_class", "said"),
    [
        (uid.VLPhotographicImageStorage, "is no OCT volume"),
        (uid.SecondaryCaptureImageStorage, "is no OCT volume"),
        (uid.OphthalmicPhotography8BitImageStorage, "is a picture of the fundus"),
    ],
)
def test_a_colour_photograph_offered_as_oct(sop_class: uid.UID, said: str) -> None:
    refusal = refused(file_bytes(dicom_dataset(picture(), sop_class=sop_class)))
    assert refusal.reason is RejectReason.WRONG_MODALITY
    assert said in str(refusal)
    assert "Ophthalmic Tomography" in str(refusal)


def test_colour_in_a_tomography_object() -> None:
    data = dicom_dataset(picture(), sop_class=uid.OphthalmicTomographyImageStorage)
    assert refused(file_bytes(data)).reason is RejectReason.WRONG_MODALITY


def test_objects_without_usable_pixels() -> None:
    data = opt_dataset(retina())
    del data.PixelData
    assert refused(file_bytes(data)).reason is RejectReason.NO_PIXELS
    data = encapsulated(opt_dataset(retina()), [b"\xff\xd8junk!!"] * 5, uid.JPEG2000Lossless)
    assert refused(data).reason is RejectReason.UNREADABLE


def test_nothing_that_identifies_leaves_the_reader() -> None:
    """Names, numbers and dates in every element that takes free text, at two levels."""
    secrets = ("Doe", "Jane", "19700101", "4711", "1.2.3.4")
    data = opt_dataset(retina(), **groups(5, lateralities=["Doe^Jane"] * 5))
    private = {
        "PatientName": "Doe^Jane", "PatientID": "S-4711", "PatientBirthDate": "19700101",
        "PatientAddress": "Doe road", "OtherPatientNames": "Jane", "PatientComments": "Doe",
        "ReferringPhysicianName": "Doe^Jane", "OperatorsName": "Jane", "InstitutionName": "Doe H",
        "StudyDescription": "Jane Doe", "SeriesDescription": "Doe 19700101", "StudyID": "4711",
        "ImageComments": "Jane", "DeviceSerialNumber": "4711", "StudyDate": "19700101",
        "AcquisitionDateTime": "19700101", "ContentDate": "19700101", "AccessionNumber": "4711",
        "StudyInstanceUID": "1.2.3.4", "SeriesInstanceUID": "1.2.3.4", "StationName": "Doe",
        "SoftwareVersions": "Doe", "Laterality": "Jane Doe", "ImageLaterality": "JANE",
        "ProtocolName": "Doe", "AcquisitionContextSequence": [], "FrameComments": "Doe",
        "Manufacturer": "Doe^Jane Lens", "ManufacturerModelName": "M1 19700101 S=4711",
        "PatientSex": "F", "FilterType": "Doe", "PositionReferenceIndicator": "Doe",
    }  # fmt: skip
    for keyword, value in private.items():
        setattr(data, keyword, value)
    data.add_new(0x00091001, "LO", "Doe^Jane 4711")
    for frame in data.PerFrameFunctionalGroupsSequence:
        frame.ImageComments = "Doe^Jane"
    volume = read(file_bytes(data))
    assert not any(secret.lower() in repr(volume).lower() for secret in secrets)
    assert volume.device == "Lens M1"
    for changes in ({"Rows": 9999}, {"NumberOfFrames": 9}, {"PhotometricInterpretation": "DOE"}):
        for keyword, value in changes.items():
            setattr(data, keyword, value)
        text = repr(refused(file_bytes(data)))
        assert not any(secret in text for secret in secrets)


def located(uid_of_picture: str) -> dict[str, Any]:
    lines = [[10.0 * (n + 1), 5.0, 10.0 * (n + 1), 45.0] for n in range(5)]
    elements = groups(5, lines=lines)
    for frame in elements["PerFrameFunctionalGroupsSequence"]:
        place = frame.OphthalmicFrameLocationSequence[0]
        place.ReferencedSOPInstanceUID = uid_of_picture
    return elements


def test_a_folder_with_the_picture_of_the_fundus(tmp_path: Path) -> None:
    fundus = dicom_dataset(
        picture(), sop_class=uid.OphthalmicPhotography8BitImageStorage, PixelSpacing=[0.1, 0.1]
    )
    (tmp_path / "1").write_bytes(file_bytes(fundus))
    (tmp_path / "2").write_bytes(file_bytes(opt_dataset(retina(), **located("1.2.3.4"))))
    volume = read_volume(tmp_path)
    assert (volume.bscans == retina()).all()
    assert volume.localizer is not None
    assert volume.localizer.spacing == 0.1
    expected = np.asarray(Image.fromarray(picture()).convert("L")).astype(int)
    assert np.abs(volume.localizer.pixels - expected).max() <= 1
    assert volume.localizer.lines is not None
    assert volume.localizer.lines[1].tolist() == [[5, 20], [45, 20]]
    alone = read_volume(tmp_path / "2")
    assert alone.localizer is None
    assert alone.sha256 != volume.sha256
    # a picture that the frames do not name is none of theirs
    (tmp_path / "2").write_bytes(file_bytes(opt_dataset(retina(), **located("1.2.3.5"))))
    assert read_volume(tmp_path).localizer is None


def test_folders_of_other_dicom_files(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(file_bytes(dicom_dataset(picture())))
    with pytest.raises(ImageRejected, match="None of the folder's DICOM") as caught:
        read_volume(tmp_path)
    assert caught.value.reason is RejectReason.WRONG_MODALITY
    for name in "23":
        data = opt_dataset(retina(seed=int(name)), SeriesInstanceUID=f"1.2.{name}")
        data.SOPInstanceUID = f"1.2.{name}.1"
        (tmp_path / name).write_bytes(file_bytes(data))
    with pytest.raises(ImageRejected, match="holds 2 volumes") as caught:
        read_volume(tmp_path)
    assert caught.value.reason is RejectReason.INCONSISTENT
