"""Vendors' OCT files: which format a file is in, and its reader.

Every reader here is our own and small. eyepy and oct-converter, from which the layouts of most
formats are publicly known, are oracles of the tests and no dependency: they keep names and birth
dates in memory, allocate what a header requests, follow lists that may be circular, and lose or
assume the scale (oct-converter's `.fda` and `.fds` readers also fail under NumPy 2.3 and later).

| kind        | files            | real files read | scale the file gives            |
|-------------|------------------|-----------------|---------------------------------|
| heyex_vol   | `.vol`           | yes             | all three axes                  |
| heyex_xml   | `.xml` + images  | yes             | all three axes                  |
| heyex_e2e   | `.e2e`           | no, synthetic   | depth; the rest is in degrees   |
| topcon      | `.fda`, `.fds`   | no, synthetic   | all three axes                  |
| bioptigen   | `.OCT`           | no, synthetic   | all three axes                  |
| optovue     | `.OCT` + `.txt`  | no, synthetic   | none                            |
| zeiss       | `.img`           | no, synthetic   | none                            |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging.draft import Draft
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.vendors import (
    bioptigen,
    heyex_e2e,
    heyex_vol,
    heyex_xml,
    optovue,
    topcon,
    zeiss,
)


@dataclass(frozen=True)
class Vendor:
    """One format: its name in messages, how it is recognised, how it is read."""

    label: str
    matches: Callable[[bytes, Path], bool]
    read: Callable[[Path, VolumeLimits], Draft]


# Formats with magic bytes come first: a suffix decides only where nothing else does.
VENDORS = {
    "heyex_vol": Vendor("Heidelberg .vol", heyex_vol.matches, heyex_vol.read),
    "heyex_xml": Vendor("Heidelberg XML", heyex_xml.matches, heyex_xml.read),
    "heyex_e2e": Vendor("Heidelberg .e2e", heyex_e2e.matches, heyex_e2e.read),
    "topcon": Vendor("Topcon", topcon.matches, topcon.read),
    "bioptigen": Vendor("Bioptigen .OCT", bioptigen.matches, bioptigen.read),
    "optovue": Vendor("Optovue .OCT", optovue.matches, optovue.read),
    "zeiss": Vendor("Zeiss .img", zeiss.matches, zeiss.read),
}


def identify_vendor(head: bytes, path: Path) -> str | None:
    """Identify a vendor's format by its content, or by its suffix if it has no magic bytes.

    Parameters
    ----------
    head : bytes
        First 64 KiB of the file; empty for a folder.
    path : Path
        The file or folder.

    Returns
    -------
    str or None
        A key of `VENDORS`; None for what no reader here knows.
    """
    return next((kind for kind, vendor in VENDORS.items() if vendor.matches(head, path)), None)


def read_vendor(kind: str, path: Path, limits: VolumeLimits) -> Draft:
    """Read a vendor's file.

    Parameters
    ----------
    kind : str
        The result of `identify_vendor`.
    path : Path
        The file, or the folder of a Heidelberg XML export.
    limits : VolumeLimits
        Bounds that hold before anything is allocated.

    Returns
    -------
    Draft
        Pixels and claims as the file has them; nothing that identifies a person.

    Raises
    ------
    ImageRejected
        If the file is invalid; the message quotes nothing of its content.
    """
    vendor = VENDORS[kind]
    try:
        return vendor.read(path, limits)
    except ImageRejected:
        raise
    except FileNotFoundError:
        reason, what = RejectReason.MISSING, "There is no such file."
    except MemoryError:
        reason, what = RejectReason.TOO_LARGE, "Reading the volume needs more memory than there is."
    except Exception:
        # Whatever a hostile header provokes; the exception may quote it, so it is dropped.
        reason, what = RejectReason.UNREADABLE, f"The {vendor.label} data is damaged."
    raise ImageRejected(reason, what, hint="Export the scan again from the device's software.")
