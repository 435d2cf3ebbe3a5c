"""Heidelberg XML export: a folder with one XML and a picture for each B-scan and the SLO.

Elements as eyepy reads them. Read on real files. Of the XML only the elements named here are
read; those of the patient, the study and the dates are not.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from triage.errors import ImageRejected, RejectReason
from triage.hashing import hash_bytes, hash_json
from triage.oct_imaging.draft import Draft
from triage.oct_imaging.folder import check_within, first_names
from triage.oct_imaging.grey import picture_kind, read_grey
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.vendors.heyex import slo_localizer
from triage.oct_imaging.vendors.heyex_elements import (
    CONTEXT,
    image_number,
    images_of,
    lateralities,
    number,
    scan_lines,
    surfaces_of,
)
from triage.oct_imaging.vendors.raster_scan import line_spacing
from triage.oct_imaging.vendors.several_volumes import several_volumes
from triage.oct_imaging.vendors.source import Source, claim_mm, damaged, device_text
from triage.oct_imaging.vendors.xml_tree import parse_xml
from triage.oct_imaging.volume import Localizer
from triage.regular_file import open_regular

_MAX_XML = 64 * 2**20
_MOST_ENTRIES = 100_000  # of a folder, looked at for an XML or its pictures


def matches(head: bytes, path: Path) -> bool:
    """Whether a file is a Heidelberg XML, or a folder holds one, by its root element."""
    if not head and path.is_dir():
        return bool(_exports(path))
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    return "<HEDX" in head[:4096].decode("utf-16" if wide else "utf-8", errors="ignore")


def read(path: Path, limits: VolumeLimits) -> Draft:
    """Read an export by its folder or its XML; see `read_vendor`."""
    xml = _the_export(path) if path.is_dir() else path
    with Source(xml, limits) as source:
        if source.size > _MAX_XML:
            raise ImageRejected(
                RejectReason.TOO_LARGE,
                f"The XML is larger than {_MAX_XML} bytes.",
                hint="Export one eye a folder.",
            )
        data = source.read(0, source.size)
    root, sha256 = parse_xml(data), hash_bytes(data)
    del data
    series = [node for node in root.iter("Series") if images_of(node, "OCT")]
    if not series:
        raise ImageRejected(
            RejectReason.NO_PIXELS,
            "The export holds no B-scan.",
            hint="Export the OCT series, with its pictures.",
        )
    if len(series) > 1:
        raise several_volumes([{value for value, _ in lateralities(node)} for node in series])
    return _Export(xml, series[0], limits, sha256).draft()


class _Export:
    """One series and the pictures beside its XML."""

    def __init__(self, xml: Path, series: Element, limits: VolumeLimits, sha256: str) -> None:
        self.xml, self.series, self.limits = xml, series, limits
        names = first_names(xml.parent, _MOST_ENTRIES)
        self.beside = {name.lower(): name for name in names}
        self.hashes: list[list[str]] = [[xml.name, sha256]]

    def draft(self) -> Draft:
        images = sorted(images_of(self.series, "OCT"), key=image_number)
        width = int(number(images[0], CONTEXT + "Width"))
        height = int(number(images[0], CONTEXT + "Height"))
        self.limits.check_shape(len(images), height, width)
        paths = [self.picture(image) for image in images]
        if missing := sum(path is None for path in paths):
            raise ImageRejected(
                RejectReason.MISSING,
                f"{missing} of the export's {len(images)} B-scans are not in its folder.",
                hint="Copy the whole export folder.",
            )
        bscans = np.empty(0, np.uint8)
        for index, path in enumerate(filter(None, paths)):
            bscan = self.bscan(path, height, width)
            if not index:  # the size is now verified
                bscans = np.empty((len(images), height, width), np.uint8)
            bscans[index] = bscan
        lines = scan_lines(images)
        localizer = self.localizer(lines)
        sha256 = hash_json(sorted(self.hashes))
        draft = Draft(bscans, "heyex_xml", sha256, localizer=localizer, positions=lines)
        draft.surfaces = surfaces_of(images, height, width)
        self.claims(draft, images, lines)
        return draft

    def claims(
        self, draft: Draft, images: list[Element], lines: NDArray[np.floating] | None
    ) -> None:
        """Add the claims of the elements; each distinct claim once."""
        for value, source in lateralities(self.series):
            draft.claim("laterality", value, source)
        for name, element in (("column_spacing", "ScaleX"), ("depth_spacing", "ScaleY")):
            for scale in dict.fromkeys(number(image, CONTEXT + element) for image in images):
                claim_mm(draft, name, scale, element)
        if lines is not None:
            claim_mm(draft, "bscan_spacing", line_spacing(lines), "Start and End of B-scans")
        for name, element in (("manufacturer", "Manufacturer"), ("model", "ManufacturerModelName")):
            text = self.series.findtext(f"GeneralEquipment/{element}") or ""
            draft.claim(name, device_text(text.encode("utf-8")), element)

    def localizer(self, lines: NDArray[np.floating] | None) -> Localizer | None:
        """SLO picture; None if the export has none."""
        for image in images_of(self.series, "LOCALIZER"):
            if (path := self.picture(image)) is not None:
                scale_x, scale_y = (number(image, CONTEXT + f"Scale{axis}") for axis in "XY")
                return slo_localizer(self.pixels(path, self.limits), scale_x, scale_y, lines)
        return None

    def picture(self, image: Element) -> Path | None:
        """Path of the picture that an element names; it must be in the folder.

        Exports hold the path on the exporting machine, so only the last part is used.
        """
        name = (image.findtext("ImageData/ExamURL") or "").replace("\\", "/").rsplit("/", 1)[-1]
        beside = self.beside.get(name.strip().lower())
        if beside is None:
            return None
        path = self.xml.parent / beside
        check_within(path, self.xml.parent)
        return path if path.is_file() else None

    def pixels(self, path: Path, limits: VolumeLimits) -> NDArray[np.uint8]:
        """One grey picture [h, w]."""
        with Source(path, limits, root=self.xml.parent) as source:
            data = source.read(0, source.size)
        self.hashes.append([path.name, hash_bytes(data)])
        kind = picture_kind(data)
        if kind is None:
            raise damaged("A picture of the export is in no known format.")
        pages = read_grey(data, kind, limits)
        if len(pages) != 1 or pages.dtype != np.uint8:
            raise damaged("A picture of the export is not one page of 8-bit grey.")
        return np.ascontiguousarray(pages[0])

    def bscan(self, path: Path, height: int, width: int) -> NDArray[np.uint8]:
        """One B-scan [height, width]; a picture of another size is refused undecoded."""
        exact = {"max_pixels": height * width, "max_voxels": height * width, "max_bscans": 1}
        try:
            bscan = self.pixels(path, self.limits.model_copy(update=exact))
        except ImageRejected as refusal:
            if refusal.reason is not RejectReason.TOO_MANY_PIXELS:
                raise
            bscan = None
        if bscan is None or bscan.shape != (height, width):
            raise damaged("A B-scan's picture has another size than the XML states.")
        return bscan


def _exports(folder: Path) -> list[Path]:
    """Heidelberg XML files of a folder, without links that lead out of it."""
    named = (folder / name for name in first_names(folder, _MOST_ENTRIES))
    return sorted(
        path
        for path in named
        if path.suffix.lower() == ".xml" and matches(_head(path, folder), path)
    )


def _head(path: Path, folder: Path) -> bytes:
    """First bytes of a file; empty unless it is a regular file of the folder."""
    try:
        with open_regular(path, root=folder) as stream:
            return stream.read(4096)
    except OSError:
        return b""


def _the_export(folder: Path) -> Path:
    """The single Heidelberg XML of a folder."""
    exports = _exports(folder)
    if len(exports) != 1:
        raise ImageRejected(
            RejectReason.UNSUPPORTED_ENCODING,
            f"The folder holds {len(exports)} Heidelberg exports, one is expected.",
            hint="Put each export into a folder of its own.",
        )
    return exports[0]
