"""What of a scanner's texts may leave the reader.

The rule is what is read, not what is removed: readers ask for the fields they need and never for
names, numbers, birth dates or comments. Dates of acquisition are not read either, so there is
none to shift. Only the device's maker and model are free text, and pass through here.
"""

from __future__ import annotations

import re

_MOST = 64
# Serial numbers, dates, DICOM person names, addresses of mail.
_IDENTIFYING = re.compile(r"\d{5,}|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}|[\^=@]")


def device_text(value: object) -> str:
    """Return a maker's or model's name fit for any output.

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
