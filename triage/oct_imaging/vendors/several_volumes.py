"""Refusal of files that hold more than one volume."""

from __future__ import annotations

from collections.abc import Collection

from triage.errors import ImageRejected
from triage.oct_imaging.vendors.source import unsupported

_EYES = {"R": "right", "L": "left"}


def several_volumes(eyes: list[Collection[str]]) -> ImageRejected:
    """Refuse several volumes in one file; the message names their number and eyes.

    Parameters
    ----------
    eyes : list of collection of 'R', 'L'
        For each volume the eyes that the file states.
    """
    stated = sorted({eye for of_volume in eyes for eye in of_volume}, reverse=True)
    of = (
        f" of {'both eyes' if len(stated) == 2 else f'the {_EYES[stated[0]]} eye'}"
        if stated
        else ""
    )
    return unsupported(
        f"The file holds {len(eyes)} volumes{of}, one is expected.",
        "Export one volume of one eye a file.",
    )
