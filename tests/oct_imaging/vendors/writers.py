"""Tiny vendors' files, written by the structures of eyepy and oct-converter, not by ours.

Wherever a format has room for a person's name, id, dates or a serial number, a token stands there
that must never come out of a reader.
"""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

NAME, FIRST_NAME, PATIENT_ID, SERIAL = "Zzyzxoff", "Quuxbert", "PID-774411", "SN-990077"
BIRTH_YEAR, EXAM_YEAR = 1931, 2017
TOKENS = (NAME, FIRST_NAME, PATIENT_ID, SERIAL, str(BIRTH_YEAR), str(EXAM_YEAR))

COUNT, HEIGHT, WIDTH, SLO = 3, 8, 6, 10
SHAPE = (COUNT, HEIGHT, WIDTH)


def grey_volume(seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, SHAPE, dtype=np.uint8)


def slo_picture() -> NDArray[np.uint8]:
    return np.arange(SLO * SLO, dtype=np.uint8).reshape(SLO, SLO)


def vol_bytes(
    *,
    eye: str = "OD",
    reflectivity: NDArray[np.float32] | None = None,
    distance: float = 0.12,
    ends: NDArray[np.float64] | None = None,
    pattern: int = 3,
    segmentation: NDArray[np.float32] | None = None,
) -> bytes:
    pytest.importorskip("eyepy")
    import construct
    from eyepy.io.he.vol_reader import vol_format

    # eyepy's own adapter of this field cannot be written, for it makes a float of it
    fields = [
        "exam_time" / construct.Int64ul if field.name == "exam_time" else field
        for field in vol_format.subcons
    ]
    if reflectivity is None:
        reflectivity = np.random.default_rng(1).random(SHAPE).astype(np.float32)
    if ends is None:
        ends = raster_ends()
    if segmentation is None:
        segmentation = np.tile(np.float32([[2.0], [5.5], [3.4e38]]), (COUNT, 1, 1))
        segmentation = np.broadcast_to(segmentation, (COUNT, 3, WIDTH)).copy()
    count, height, width = reflectivity.shape
    header_size = 256 + 4 * width * segmentation.shape[1] + 100
    return construct.Struct(*fields).build(
        {
            "version": "HSF-OCT-103",
            "size_x": width,
            "n_bscans": count,
            "size_y": height,
            "scale_x": 0.0118,
            "distance": distance,
            "scale_y": 0.00387,
            "size_x_slo": SLO,
            "size_y_slo": SLO,
            "scale_x_slo": 0.1,
            "scale_y_slo": 0.1,
            "field_size_slo": 30,
            "scan_focus": 0.0,
            "scan_position": eye,
            "exam_time": 131_277_888_000_000_000,  # in EXAM_YEAR
            "scan_pattern": pattern,
            "bscan_hdr_size": header_size,
            "id": SERIAL,
            "reference_id": PATIENT_ID,
            "pid": 774411,
            "patient_id": PATIENT_ID,
            "dob": f"{BIRTH_YEAR}-07-17T00:00:00",
            "vid": 1,
            "visit_id": NAME,
            "visit_date": f"{EXAM_YEAR}-01-02T00:00:00",
            "grid_type": 0,
            "grid_offset": 0,
            "grid_type1": 0,
            "grid_offset1": 0,
            "prog_id": FIRST_NAME,
            "localizer": slo_picture(),
            "bscans": [
                {
                    "version": "HSF-BS-103",
                    "bscan_hdr_size": header_size,
                    "start_x": ends[i, 0, 0],
                    "start_y": ends[i, 0, 1],
                    "end_x": ends[i, 1, 0],
                    "end_y": ends[i, 1, 1],
                    "num_seg": segmentation.shape[1],
                    "quality": 30.0,
                    "shift": 0,
                    "iv_transformation": [0.0] * 6,
                    "layer_segmentations": segmentation[i].astype(np.float32),
                    "data": reflectivity[i],
                }
                for i in range(count)
            ],
        }
    )


def raster_ends(gap: float = 0.12) -> NDArray[np.float64]:
    """Three horizontal B-scans in mm, the first one lowest, as Heidelberg scans."""
    rows = 0.5 - gap * np.arange(COUNT)
    return np.stack(
        [np.stack([np.full(COUNT, 0.2), rows], 1), np.stack([np.full(COUNT, 0.8), rows], 1)], 1
    )


def write_xml(
    folder: Path,
    *,
    lateralities: tuple[str, ...] = ("L",),
    image_laterality: str = "",
    prolog: str = "",
    url: str = "file:///C:\\HRAExport\\",
    scale_x: str = "0.0122",
) -> NDArray[np.uint8]:
    """An export folder with one series for each laterality; returns the B-scans."""
    folder.mkdir(exist_ok=True)
    bscans = grey_volume()
    Image.fromarray(slo_picture()).save(folder / "slo.tif")
    for index, bscan in enumerate(bscans):
        Image.fromarray(bscan).save(folder / f"b{index}.tif")

    def coordinates(tag: str, x: float, y: float) -> str:
        return f"<{tag}><Coord><X>{x}</X><Y>{y:.3f}</Y></Coord></{tag}>"

    def image(number: int, kind: str, inner: str, name: str, scale: str) -> str:
        eye = f"<Laterality>{image_laterality}</Laterality>" if image_laterality else ""
        return (
            f"<Image><ImageNumber>{number}</ImageNumber>{eye}<ImageType><Type>{kind}</Type>"
            f"</ImageType><OphthalmicAcquisitionContext>{scale}{inner}"
            f"</OphthalmicAcquisitionContext><ImageData><ExamURL>{url}{name}</ExamURL>"
            "</ImageData>{}</Image>"
        )

    size = f"<Width>{WIDTH}</Width><Height>{HEIGHT}</Height>"
    rows = " ".join(["3e+038", *["4.5"] * (WIDTH - 1)])
    line = f"<Segmentation><SegLine><Name>ILM</Name><Array>{rows}</Array></SegLine></Segmentation>"
    images = [
        image(
            0, "LOCALIZER", f"<Width>{SLO}</Width><Height>{SLO}</Height>", "slo.tif",
            "<ScaleX>0.1</ScaleX><ScaleY>0.1</ScaleY>",
        ).format("")
    ]  # fmt: skip
    for index, (start, end) in enumerate(raster_ends()):
        inner = size + coordinates("Start", *start) + coordinates("End", *end)
        scale = f"<ScaleX>{scale_x}</ScaleX><ScaleY>0.0039</ScaleY>"
        images.append(image(index + 1, "OCT", inner, f"b{index}.tif", scale).format(line))
    # the order of the elements is not the order of the B-scans
    images = [images[0], images[2], images[1], *images[3:]]
    series = "".join(
        f"<Series><ID>774411</ID><Laterality>{eye}</Laterality><GeneralEquipment><Manufacturer>"
        f"Heidelberg Engineering</Manufacturer><ManufacturerModelName>Spectralis"
        f"</ManufacturerModelName></GeneralEquipment>{''.join(images)}</Series>"
        for eye in lateralities
    )
    (folder / "export.xml").write_text(
        f"{prolog}<HEDX><BODY><Patient><PatientID>{PATIENT_ID}</PatientID><LastName>{NAME}"
        f"</LastName><FirstNames>{FIRST_NAME}</FirstNames><Birthdate><Date><Year>{BIRTH_YEAR}"
        f"</Year></Date></Birthdate><Study><Operator>{NAME}</Operator><StudyDate><Date><Year>"
        f"{EXAM_YEAR}</Year></Date></StudyDate>{series}</Study></Patient></BODY></HEDX>"
    )
    return bscans


def e2e_bytes(
    *,
    eyes: tuple[str, ...] = ("R",),
    stored: NDArray[np.uint16] | None = None,
    other_eye: str = "",
    pattern: int = 3,
    shift: int = 0,
) -> bytes:
    """An `.e2e` of one series for each eye, all chunks listed by one directory."""
    pytest.importorskip("oct_converter")
    from oct_converter.readers.binary_structs import e2e_binary as layout

    if stored is None:
        stored = exponents()
    chunks: list[tuple[int, tuple[int, int, int, int], int, bytes]] = []

    def add(kind: int, ids: tuple[int, int, int, int], data: bytes, ind: int = 0) -> None:
        chunks.append((kind, ids, ind, data))

    patient = FIRST_NAME.encode().ljust(31, b"\0") + NAME.encode().ljust(66, b"\0")
    patient += struct.pack("<I", BIRTH_YEAR * 10000 + 717) + b"M" + PATIENT_ID.encode().ljust(25)
    add(9, (1, -1, -1, -1), patient)
    device = ["Heidelberg Retina Angiograph", "HRA", ""]
    add(9001, (1, 2, -1, -1), layout.device_name.build(
        {"n_strings": 3, "string_size": 256, "text": device}))  # fmt: skip
    for series, eye in enumerate(eyes, start=3):
        ids = (1, 2, series, -1)
        add(11, ids, bytes(14) + eye.encode() + bytes(12))
        if other_eye:
            add(3, (1, 2, series, 0), bytes(4) + other_eye.encode() + bytes(91))
        add(1073741824, ids, layout.image_structure.build(
            {"size": SLO * SLO, "type": 33620481, "unknown": SLO * SLO, "height": SLO,
             "width": SLO}) + slo_picture().tobytes())  # fmt: skip
        # listed out of order
        for index in (1, 0, *range(2, COUNT)):
            ids = (1, 2, series, 2 * index)
            row = float(COUNT - index)
            add(10004, ids, layout.bscan_metadata.build({
                "unknown1": 0, "imgSizeY": HEIGHT, "imgSizeX": WIDTH, "posX1": -5.0, "posY1": row,
                "posX2": 5.0, "posY2": row, "zero1": 0, "unknown2": 0.0, "scaley": 0.00387,
                "unknown3": 0.0, "zero2": 0, "unknown4": [0.0, 0.0], "zero3": 0,
                "imgSizeWidth": WIDTH, "numImages": COUNT, "aktImage": index, "scanType": pattern,
                "centrePosX": 0.0, "centrePosY": row, "unknown5": 0, "acquisitionTime": 0,
                "numAve": 1, "imgQuality": 0.8}) + bytes(324))  # fmt: skip
            layer = np.full(WIDTH, 2.5 + index, "<f4")
            add(10019, ids, layout.contour_structure.build(
                {"unknown0": 0, "id": 0, "unknown1": 0, "width": WIDTH})
                + bytes(4) + layer.tobytes())  # fmt: skip
            add(1073741824, ids, layout.image_structure.build(
                {"size": 2 * HEIGHT * WIDTH, "type": 35652097, "unknown": HEIGHT * WIDTH,
                 "height": HEIGHT, "width": WIDTH}) + stored[index].tobytes(), ind=1)  # fmt: skip

    directory = 88
    start = directory + 52 + 44 * len(chunks)
    entries, bodies = b"", b""
    for kind, ids, ind, data in chunks:
        at = start + len(bodies)
        facts = {
            "pos": 0, "start": at, "size": len(data), "unknown": 0, "type": kind, "unknown4": 0,
            "patient_db_id": ids[0] % 2**32, "study_id": ids[1] % 2**32,
            "series_id": ids[2] % 2**32, "slice_id": ids[3], "unknown2": ind, "unknown3": 0,
        }  # fmt: skip
        entries += layout.sub_directory_structure.build(facts)
        bodies += layout.chunk_structure.build(
            facts | {"magic3": "MDbData", "unknown": 0, "unknown2": 0, "pos": at, "ind": ind,
                     "unknown3": 0, "unknown4": 0, "unknown5": 0}
        )  # fmt: skip
        bodies += data

    def main(name: str, count: int, current: int) -> bytes:
        return layout.main_directory_structure.build(
            {"magic2": name, "version": 1, "unknown": [0] * 10, "num_entries": count,
             "current": current, "prev": 0, "unknown3": 0}
        )  # fmt: skip

    head = layout.header_structure.build({"magic1": "CMDb", "version": 1, "unknown": [0] * 10})
    content = head + main("MDbMDir", 0, directory) + main("MDbDir", len(chunks), directory)
    return b"E2EMultipleVolumeFile".ljust(shift, b"\0")[:shift] + content + entries + bodies


def exponents() -> NDArray[np.uint16]:
    """Stored samples without a mantissa: powers of two, on whose reading everybody agrees."""
    return np.random.default_rng(2).integers(50, 63, SHAPE).astype("<u2") << 10


def topcon_bytes(
    kind: str = "fda", *, eye: int = 1, mode: int = 2, volume: NDArray[np.uint16] | None = None
) -> bytes:
    """An `.fda` with JPEG B-scans, or an `.fds` with raw ones."""
    pytest.importorskip("oct_converter")
    from oct_converter.readers.binary_structs import fda_binary as layout
    from oct_converter.readers.binary_structs import fds_binary

    content = b"FOCTFDA" + struct.pack("<2I", 2, 1000)

    def chunk(name: str, data: bytes) -> bytes:
        return bytes([len(name)]) + name.encode() + struct.pack("<I", len(data)) + data

    if kind == "fda":
        data = layout.oct_header.build(
            {"scan_mode": mode, "unknown1": 0, "unknown2": 0, "width": WIDTH, "height": HEIGHT,
             "number_slices": COUNT, "unknown3": 0})  # fmt: skip
        for bscan in grey_volume():
            packed = packed_picture(bscan, "JPEG2000", irreversible=False)
            data += struct.pack("<i", len(packed)) + packed
        content += chunk("@IMG_JPEG", data)
        photograph = packed_picture(np.repeat(slo_picture()[..., None], 3, 2), "JPEG", quality=100)
        content += chunk("@IMG_FUNDUS", layout.fundus_header.build(
            {"width": SLO, "height": SLO, "bits_per_pixel": 24, "number_slices": 1, "format": "",
             "size": len(photograph)}) + photograph)  # fmt: skip
        above = np.stack([np.full(WIDTH, 1 + i) for i in range(COUNT)]).astype("<u2")
        content += chunk("@CONTOUR_INFO", layout.contour_info_header.build(
            {"id": "MULTILAYERS_1", "method": 0, "format": 0, "width": WIDTH, "height": COUNT,
             "size": above.nbytes}) + above.tobytes())  # fmt: skip
        content += chunk("@REGIST_INFO", layout.regist_info_header.build(
            {"0x0": 0, "unknown": [0, 0], "bounding_box_in_fundus_pixels": [1, 2, 9, 10],
             "version": "", "bounding_box_in_trc_pixels": [0] * 4}))  # fmt: skip
    else:
        if volume is None:
            volume = grey_volume().astype("<u2") * 200
        content += chunk("@IMG_SCAN_03", fds_binary.oct_header.build(
            {"scan_mode": mode, "width": WIDTH, "height": HEIGHT, "bits_per_pixel": 16,
             "number_slices": COUNT, "format": 0, "size": volume.nbytes})
            + volume.astype("<u2").tobytes())  # fmt: skip
        photograph = np.repeat(slo_picture()[..., None], 3, 2).tobytes()
        content += chunk("@IMG_OBS", fds_binary.fundus_header.build(
            {"width": SLO, "height": SLO, "bits_per_pixel": 24, "number_slices": 1, "format": 0,
             "size": len(photograph)}) + photograph)  # fmt: skip
    content += chunk("@CAPTURE_INFO_02", layout.capture_info_02_header.build(
        {"eye": eye, "scan_mode": mode, "session_id": 1, "label": NAME,
         "cap_date": [EXAM_YEAR, 1, 2, 3, 4, 5]}))  # fmt: skip
    content += chunk("@PARAM_SCAN_04", layout.param_scan_04_header.build(
        {"fixation": 0, "mirror_pos": 0, "polar": 0, "x_dimension_mm": 0.6,
         "y_dimension_mm": 0.6, "z_resolution_um": 2.6, "comp_eff_2": 0.0, "comp_eff_3": 0.0,
         "base_pos": 0, "used_calib_data": 0}))  # fmt: skip
    hardware = b"3D OCT-2000".ljust(16, b"\0") + SERIAL.encode().ljust(64, b"\0") + bytes(20)
    content += chunk("@HW_INFO_03", hardware)
    patient = PATIENT_ID.encode().ljust(32) + FIRST_NAME.encode().ljust(32)
    patient += NAME.encode().ljust(40) + b"\1" + struct.pack("<3H", BIRTH_YEAR, 7, 17)
    content += chunk("@PATIENT_INFO_02", patient.ljust(600, b"\0"))
    return content + b"\0"


def packed_picture(pixels: NDArray[np.uint8], kind: str, **options: object) -> bytes:
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def bioptigen_bytes(
    *, volume: NDArray[np.uint16] | None = None, scantype: int = 1, frames: int = 1
) -> bytes:
    if volume is None:
        volume = grey_volume().astype("<u2") * 3
    count, height, width = volume.shape

    def item(name: str, data: bytes) -> bytes:
        return struct.pack("<I", len(name)) + name.encode() + struct.pack("<I", len(data)) + data

    def integer(name: str, value: int) -> bytes:
        return item(name, struct.pack("<I", value))

    def real(name: str, value: float) -> bytes:
        return item(name, struct.pack("<d", value))

    content = struct.pack("<IH", 0x01020304, 0x0107) + item("FRAMEHEADER", b"")
    content += integer("FRAMECOUNT", count) + integer("LINECOUNT", width)
    content += integer("LINELENGTH", height) + integer("SAMPLEFORMAT", 1)
    content += item("DESCRIPTION", f"{NAME} {PATIENT_ID}".encode())
    content += real("XMIN", 0) + real("XMAX", 1) + item("XCAPTION", b"x")
    content += real("YMIN", 0) + real("YMAX", 1) + item("YCAPTION", b"y")
    content += integer("SCANTYPE", scantype) + real("SCANDEPTH", 0.0272) + real("SCANLENGTH", 0.06)
    content += real("AZSCANLENGTH", 0.06) + real("ELSCANLENGTH", 0.3) + real("OBJECTDISTANCE", 0)
    content += real("SCANANGLE", 0) + integer("SCANS", count) + integer("FRAMES", frames)
    content += integer("DOPPLERFLAG", 0) + item("CONFIG", SERIAL.encode()) + struct.pack("<I", 0)
    for bscan in volume:
        content += item("FRAMEDATA", b"")
        content += item("FRAMEDATETIME", struct.pack("<8H", EXAM_YEAR, 1, 1, 2, 3, 4, 5, 6))
        content += real("FRAMETIMESTAMP", 0) + integer("FRAMELINES", width)
        content += item("FRAMESAMPLES", np.ascontiguousarray(bscan.T).tobytes())
        content += struct.pack("<I", 0)
    return content


def write_optovue(path: Path, volume: NDArray[np.float32], *, eye: str = "OS") -> None:
    count, height, width = volume.shape
    stored = volume[:, ::-1].transpose(0, 2, 1)
    path.write_bytes(np.ascontiguousarray(stored, "<f4").tobytes())
    path.with_suffix(".txt").write_text(
        f"Patient Name = {FIRST_NAME} {NAME}\nPatient ID = {PATIENT_ID}\n"
        f"Birth = {BIRTH_YEAR}\nExam = {EXAM_YEAR}\nEye Scanned = {eye}\n"
        f"Window Height = {height}\nScan Length = {width}\nScan Usage = {count}\n"
        "Video Height = 480\nVideo Width = 640\n"
    )
