"""Removal of identifying metadata: the header text that may be kept.

Readers read only the fields they need, never names, numbers, birth dates or comments, nor dates of
acquisition. The manufacturer and model of the device are the only free text; they are filtered
here.
"""

from __future__ import annotations

import re

_MOST = 64
# Serial numbers, dates, DICOM person names, addresses of mail.
_IDENTIFYING = re.compile(r"\d{5,}|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}|[\^=@]")


def device_text(value: object) -> str:
    """Return a manufacturer's or model's name without identifying text.

    Parameters
    ----------
    value : object
        As found in a file.

    Returns
    -------
    str
        Printable, one line, at most 64 characters; words that hold a serial number, a date or
        the separators of a person's name are left out. '' where nothing is left.
    """
    printable = "".join(letter if letter.isprintable() else " " for letter in str(value)[:256])
    words = [word for word in printable.split() if not _IDENTIFYING.search(word)]
    return " ".join(words)[:_MOST].rstrip()


def device_name(manufacturer: object, model: object) -> str | None:
    """Join manufacturer and model to one line without identifying text, None if empty.

    Both are free text in EXIF and DICOM; what `device_text` takes for a serial number, a date or
    a person's name is left out, as it is of OCT devices.
    """
    parts = [device_text(part) for part in (manufacturer, model) if part is not None]
    return " ".join(part for part in parts if part) or None
