"""Detection of DICOM files, and their refusal if the extra `dicom` is not installed.

Importing this module does not need pydicom.
"""

from __future__ import annotations

from triage.errors import ImageRejected, RejectReason
from triage.extras import install_hint, missing_modules

_PREFIX = slice(128, 132)


def dicom_is_installed() -> bool:
    """Return whether every package that decodes DICOM files is installed."""
    return not missing_modules("dicom")


def looks_like_dicom(data: bytes) -> bool:
    """Return whether data are a DICOM file.

    Parameters
    ----------
    data : bytes
        A file or its first kilobytes.

    Notes
    -----
    Without pydicom, whose dictionary is needed to recognise a data set that has no preamble, only
    files with a preamble (PS3.10 7.1) are recognised.
    """
    if data[_PREFIX] == b"DICM":
        return True
    if not dicom_is_installed():
        return False
    from triage.imaging.dicom.data_set_encoding import looks_like_dicom as has_data_set

    return has_data_set(data)


def require_dicom(extra: str = "dicom") -> None:
    """Check that DICOM files can be decoded.

    Parameters
    ----------
    extra : str
        The extra that the message names.

    Raises
    ------
    ImageRejected
        `UNSUPPORTED_ENCODING` if a package of the extra is missing.
    """
    if missing := missing_modules(extra):
        raise ImageRejected(
            RejectReason.UNSUPPORTED_ENCODING,
            f"DICOM files cannot be read without {', '.join(missing)}.",
            hint=install_hint(extra),
        )
