"""Files that carry tokens wherever a format has room for what identifies a person, and a search.

Every token begins with one of two stems, so that one search finds all of them.
"""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image, PngImagePlugin, TiffImagePlugin
from safetensors.numpy import load_file

from tests.imaging.icc import D50, P3_COLORANTS, gamma, profile, xyz
from tests.imaging.samples import dicom_dataset, file_bytes, picture, png_chunk
from tests.oct_imaging import samples
from tests.oct_imaging.vendors import writers

STEM = "zqxcanary"
"""Begins every token that may come out nowhere."""
PATIENT_STEM = "zqxperson"
"""Begins every patient id of a manifest, which has places of its own."""


def token(place: str) -> str:
    """A token of at most 16 characters for one place."""
    return f"Zqxcanary{place}"[:16]


def _exif() -> Image.Exif:
    exif = Image.Exif()
    for tag, name in (
        (0x010D, "Doc"), (0x010E, "Descr"), (0x013B, "Artist"), (0x8298, "Copy"), (0x013C, "Host"),
        (0x9C9D, "XpAuth"),
    ):  # fmt: skip
        exif[tag] = token(name).encode("utf-16-le") if tag == 0x9C9D else token(name)
    exif[0x010F], exif[0x0110] = "Lens Works", "M1"
    details = exif.get_ifd(0x8769)
    details[0x9286] = b"ASCII\0\0\0" + token("Comment").encode()
    details[0x927C] = b"Maker\0" + token("Maker").encode()
    details[0xA430], details[0xA431] = token("Owner"), token("Serial")
    details[0xA420] = token("UniqueId")
    place = exif.get_ifd(0x8825)
    place[1], place[2] = "N", (47.0, 22.0, 1.0)
    place[0x1B] = b"ASCII\0\0\0" + token("GpsProc").encode()
    place[0x1C] = b"ASCII\0\0\0" + token("GpsArea").encode()
    return exif


def _icc() -> bytes:
    text = token("Icc").encode("utf-16-be")
    words = b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(text), 28) + text
    tags = {name: xyz(*values) for name, values in P3_COLORANTS.items()}
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), gamma(2.2))
    owner = {name: b"text\0\0\0\0" + token(place).encode() + b"\0"
             for name, place in ((b"cprt", "IccCopy"), (b"dmnd", "IccMaker"))}  # fmt: skip
    return profile(b"RGB ", {b"desc": words, **owner, b"wtpt": xyz(*D50), **tags, **curves})


def _xmp(place: str) -> bytes:
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<dc:creator>{token(place)}</dc:creator></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def _saved(kind: str, pixels: np.ndarray, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def png_with_text(content: bytes) -> bytes:
    """A PNG with text chunks before its end, and text after it."""
    end = content.rindex(b"IEND") - 4
    texts = png_chunk(b"tEXt", b"Author\0" + token("PngText").encode())
    texts += png_chunk(b"prVt", token("PngPriv").encode())
    return content[:end] + texts + content[end:] + token("Trailer").encode()


def photographs() -> dict[str, bytes]:
    """Name of the file to its content; all can be read."""
    options = {"exif": _exif(), "icc_profile": _icc()}
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("Comment", token("PngItxt"))
    chunks.add_text("Comment", token("PngZtxt"), zip=True)
    chunks.add_itxt("XML:com.adobe.xmp", _xmp("PngXmp").decode())
    tiff = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, name in ((270, "TifDesc"), (305, "TifSoft"), (315, "TifArt"), (316, "TifHost")):
        tiff[tag] = token(name)
    tiff[700], tiff[33723], tiff[34377] = (
        _xmp("TifXmp"), token("TifIptc").encode(), token("TifPs").encode()
    )  # fmt: skip
    tiff[65000] = token("TifPriv")
    return {
        "a.jpg": _saved("JPEG", picture(seed=1), comment=token("Jpg").encode(), xmp=_xmp("JpgXmp"),
                        **options) + token("Trailer").encode(),
        "b.png": png_with_text(_saved("PNG", picture(seed=2), pnginfo=chunks, **options)),
        "c.tif": _saved("TIFF", picture(seed=3), tiffinfo=tiff, icc_profile=_icc()),
        "d.webp": _saved("WEBP", picture(seed=4), lossless=True, xmp=_xmp("WebXmp"), **options),
        "e.dcm": dicom_content(picture(seed=5)),
        "f.bmp": _saved("BMP", picture(seed=6)) + token("Trailer").encode(),
    }  # fmt: skip


PERSONAL = (
    "PatientName", "PatientID", "OtherPatientIDs", "OtherPatientNames", "PatientAddress",
    "PatientComments", "PatientBirthName", "PatientMotherBirthName", "InstitutionName",
    "InstitutionAddress", "ReferringPhysicianName", "OperatorsName", "PerformingPhysicianName",
    "StudyDescription", "SeriesDescription", "StudyID", "AccessionNumber", "ImageComments",
    "DeviceSerialNumber", "StationName", "SoftwareVersions", "ProtocolName", "FrameComments",
    "AdditionalPatientHistory", "RequestingPhysician", "MedicalRecordLocator",
)  # fmt: skip


def _personal(data: Any) -> Any:
    for keyword in PERSONAL:
        setattr(data, keyword, token(keyword.replace("Patient", "")))
    data.PatientBirthDate = "19310717"
    block = data.private_block(0x0009, token("Creator"), create=True)
    block.add_new(1, "LO", token("Private"))
    return data


def dicom_content(pixels: np.ndarray, **elements: Any) -> bytes:
    """A DICOM photograph whose free text is tokens."""
    return file_bytes(_personal(dicom_dataset(pixels, **elements)))


def odd_photographs() -> dict[str, bytes]:
    """Files that are refused or doubtful, with a token where the fault is."""
    whole = photographs()
    odd = {f"half_{name}": content[: len(content) * 6 // 10] for name, content in whole.items()}
    for keyword in ("PhotometricInterpretation", "Modality", "BodyPartExamined", "Laterality"):
        odd[f"{keyword}.dcm"] = dicom_content(picture(), **{keyword: token(keyword).upper()})
    odd["no_pixels.dcm"] = dicom_content(picture(), NumberOfFrames=7)
    odd["other_class.dcm"] = dicom_content(picture(), sop_class="1.2.840.10008.5.1.4.1.1.88.11")
    odd["words.jpg"] = token("Words").encode() * 50
    odd["empty.png"] = b""
    return odd


def write_volumes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """OCT volumes of every kind that has room for a person; some cannot be read."""
    for name in ("NAME", "FIRST_NAME", "PATIENT_ID", "SERIAL"):
        monkeypatch.setattr(writers, name, token(name[:6]))
    folder.mkdir()
    writers.write_xml(folder / "heyex")
    writers.write_optovue(folder / "g.OCT", np.random.default_rng(8).random(writers.SHAPE))
    volume = samples.retina(6, 96, 64)
    personal = {"laterality": "OD", "patient_name": token("Side"), "notes": token("Notes")}
    samples.write_folder(folder / "pictures", volume, sidecar=samples.meta(**personal))
    for path in (folder / "pictures").glob("*.png"):
        path.write_bytes(png_with_text(path.read_bytes()))
    good = _personal(samples.opt_dataset(volume, ImageLaterality="R"))
    odd = _personal(samples.opt_dataset(volume, ImageLaterality=token("Eye").upper()))
    contents = {
        "good.dcm": file_bytes(good), "odd.dcm": file_bytes(odd),
        "half.dcm": file_bytes(good)[:20_000], "a.fda": writers.topcon_bytes(),
        "a.fds": writers.topcon_bytes("fds"), "a.e2e": writers.e2e_bytes(),
        "a.vol": writers.vol_bytes(), "b.OCT": writers.bioptigen_bytes(),
        "meta.npz": samples.npz_bytes(bscans=volume, meta=np.array(samples.meta(**personal))),
        "array.npz": samples.npz_bytes(**{"bscans": volume, token("Array"): np.zeros(2)}),
        "eye.npz": samples.npz_bytes(
            bscans=volume, meta=np.array(samples.meta(laterality=token("Eye")))),
    }  # fmt: skip
    for kind in ("a.fda", "a.e2e", "a.vol", "b.OCT"):
        contents[f"half_{kind}"] = contents[kind][: len(contents[kind]) * 6 // 10]
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return sorted(folder.iterdir())


def found_in(content: bytes | str, *stems: str) -> list[str]:
    """The tokens that a content holds as text in any common encoding, or in base64."""
    data = content.encode(errors="surrogateescape") if isinstance(content, str) else content
    lower = data.lower()
    found = []
    for stem in stems or (STEM, PATIENT_STEM):
        texts = [stem.encode(code) for code in ("utf-8", "utf-16-le", "utf-16-be")]
        # The three ways in which the text may lie in groups of three bytes, without their edges.
        shifted = (stem[:1].upper() + stem[1:], stem)
        wrapped = [
            base64.b64encode(b"\0" * shift + text.encode())[4 * (shift > 0) : -4]
            for text in shifted
            for shift in range(3)
        ]
        for text in texts:
            if (at := lower.find(text)) >= 0:
                found.append(repr(data[max(0, at - 60) : at + 40]))
        found += [text.decode() for text in wrapped if text in data]
    return found


def contents_of(path: Path) -> Iterator[tuple[str, bytes]]:
    """What a file holds, by place: its bytes, its name, and what is compressed in it."""
    yield "name", path.name.encode(errors="surrogateescape")
    yield "bytes", path.read_bytes()
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        yield "metadata", repr(table.schema.metadata).encode()
        for name in table.column_names:
            yield name, repr(table.column(name).to_pylist()).encode()
    elif path.suffix == ".png":
        with Image.open(path) as image:
            yield "info", repr((image.info, dict(image.getexif()))).encode()
            yield "mode", f"{image.mode} {sorted(image.info)}".encode()
    elif path.suffix == ".safetensors":
        for name, value in load_file(path).items():
            yield name, name.encode() + value.tobytes()
