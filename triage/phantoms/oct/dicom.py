"""DICOM Ophthalmic Tomography Image objects (PS3.3 A.52.4.3) of phantom volumes."""

from __future__ import annotations

import io
from uuid import UUID

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    OphthalmicTomographyImageStorage,
)

from triage.hashing import hash_bytes
from triage.phantoms.oct.devices import DEVICES
from triage.phantoms.oct.volume import OctPhantom

_DATE, _TIME = "20200101", "120000"


def dicom_bytes(phantom: OctPhantom) -> bytes:
    """Encode a phantom as one multi-frame file; the same phantom gives the same bytes.

    The scale is in the shared functional groups (Pixel Measures), each B-scan's place in its
    own (Plane Position, Ophthalmic Frame Location). Nothing identifies a person: the patient has
    only a pseudonymous id.
    """
    device = DEVICES[phantom.device]
    count, height, width = phantom.bscans.shape
    content = hash_bytes(phantom.bscans.tobytes() + phantom.case_id.encode())
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = OphthalmicTomographyImageStorage
    meta.MediaStorageSOPInstanceUID = _uid(content, "instance")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    file.SOPClassUID = meta.MediaStorageSOPClassUID
    file.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    file.StudyInstanceUID = _uid(content, "study")
    file.SeriesInstanceUID = _uid(content, "series")
    file.FrameOfReferenceUID = _uid(content, "frame of reference")
    file.SynchronizationFrameOfReferenceUID = _uid(content, "synchronization")
    file.SynchronizationTrigger = "NO TRIGGER"
    file.AcquisitionTimeSynchronized = "N"
    file.PositionReferenceIndicator = ""
    file.PatientName = f"Phantom^{phantom.patient_id}"
    file.PatientID = phantom.patient_id
    file.PatientBirthDate = ""
    file.PatientSex = {"female": "F", "male": "M"}[phantom.sex]
    file.PatientIdentityRemoved = "YES"
    file.DeidentificationMethod = "Synthetic: no patient"
    file.StudyDate = file.SeriesDate = file.ContentDate = _DATE
    file.StudyTime = file.SeriesTime = file.ContentTime = _TIME
    file.AcquisitionDateTime = _DATE + _TIME
    file.AcquisitionDuration = 1.0
    file.AcquisitionNumber = 1
    file.AccessionNumber = file.ReferringPhysicianName = ""
    file.StudyID = "1"
    file.Modality = "OPT"
    file.SeriesNumber = file.InstanceNumber = 1
    file.Manufacturer = device.manufacturer
    file.ManufacturerModelName = device.model
    file.DeviceSerialNumber = "0"
    file.SoftwareVersions = "1"
    file.ImageType = ["ORIGINAL", "PRIMARY"]
    file.ImageLaterality = phantom.laterality
    file.BurnedInAnnotation = "NO"
    file.LossyImageCompression = "00"
    file.PresentationLUTShape = "IDENTITY"
    file.AcquisitionDeviceTypeCodeSequence = _code(
        "392012008", "SCT", "Optical Coherence Tomography Scanner"
    )
    file.AnatomicRegionSequence = _code("5665001", "SCT", "Retina")
    file.AcquisitionContextSequence = Sequence()
    _set_ophthalmic(file)
    _set_dimensions(file, _uid(content, "dimensions"))
    file.SamplesPerPixel = 1
    file.PhotometricInterpretation = "MONOCHROME2"
    file.NumberOfFrames, file.Rows, file.Columns = count, height, width
    file.BitsAllocated = file.BitsStored = 8
    file.HighBit = 7
    file.PixelRepresentation = 0
    file.PixelData = phantom.bscans.tobytes()
    file.SharedFunctionalGroupsSequence = Sequence([_shared(phantom)])
    file.PerFrameFunctionalGroupsSequence = Sequence(
        [_frame(phantom, number) for number in range(count)]
    )
    stream = io.BytesIO()
    file.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _set_ophthalmic(file: Dataset) -> None:
    """Set what the object's own modules require, empty if a phantom has no value."""
    file.DetectorType = "CCD"
    file.IlluminationWaveLength = 840.0
    file.LightPathFilterTypeStackCodeSequence = Sequence()
    file.RefractiveStateSequence = Sequence()
    file.EmmetropicMagnification = file.IntraOcularPressure = None
    file.HorizontalFieldOfView = file.AxialLengthOfTheEye = None
    file.PupilDilated = ""
    # A volume in one file is the only part of its concatenation.
    file.InConcatenationNumber = file.InConcatenationTotalNumber = 1
    file.ConcatenationFrameOffsetNumber = 0


def _set_dimensions(file: Dataset, organization: UID) -> None:
    """State that frames are ordered by stack and by position in it."""
    owner = Dataset()
    owner.DimensionOrganizationUID = organization
    file.DimensionOrganizationSequence = Sequence([owner])
    indices = []
    for pointer in ("StackID", "InStackPositionNumber"):
        index = Dataset()
        index.DimensionIndexPointer = tag_for_keyword(pointer)
        index.FunctionalGroupPointer = tag_for_keyword("FrameContentSequence")
        index.DimensionOrganizationUID = organization
        indices.append(index)
    file.DimensionIndexSequence = Sequence(indices)


def _shared(phantom: OctPhantom) -> Dataset:
    bscan, depth, column = phantom.spacing
    measures = Dataset()
    measures.PixelSpacing = [_decimal(depth), _decimal(column)]
    measures.SliceThickness = _decimal(bscan)
    measures.SpacingBetweenSlices = _decimal(bscan)
    orientation = Dataset()
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 0, 1]
    anatomy = Dataset()
    anatomy.FrameLaterality = phantom.laterality
    anatomy.AnatomicRegionSequence = _code("5665001", "SCT", "Retina")
    shared = Dataset()
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.PlaneOrientationSequence = Sequence([orientation])
    shared.FrameAnatomySequence = Sequence([anatomy])
    return shared


def _frame(phantom: OctPhantom, number: int) -> Dataset:
    bscan, _, column = phantom.spacing
    count, _, width = phantom.bscans.shape
    content = Dataset()
    content.FrameAcquisitionDateTime = _DATE + _TIME
    content.FrameReferenceDateTime = _DATE + _TIME
    content.FrameAcquisitionDuration = 40.0
    content.StackID = "1"
    content.InStackPositionNumber = number + 1
    content.DimensionIndexValues = [1, number + 1]
    position = Dataset()
    y = (number - (count - 1) / 2) * bscan
    x = (width - 1) / 2 * column
    position.ImagePositionPatient = [_decimal(-x), _decimal(y), 0]
    frame = Dataset()
    frame.FrameContentSequence = Sequence([content])
    frame.PlanePositionSequence = Sequence([position])
    return frame


def _code(value: str, scheme: str, meaning: str) -> Sequence:
    code = Dataset()
    code.CodeValue = value
    code.CodingSchemeDesignator = scheme
    code.CodeMeaning = meaning
    return Sequence([code])


def _uid(content: str, what: str) -> UID:
    """A UUID-derived UID (PS3.5 B.2) of a volume's hash."""
    return UID(f"2.25.{UUID(hex=hash_bytes(f'{content} {what}'.encode())[:32], version=4).int}")


def _decimal(value: float) -> str:
    """A decimal string of at most 16 characters."""
    return f"{value:.9f}"[:16]
