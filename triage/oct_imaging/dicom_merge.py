"""Combined claims of the files of one DICOM volume."""

from __future__ import annotations

from collections.abc import Sequence

from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging.claims import agreed_eye, same_spacing, stated_spacing
from triage.oct_imaging.dicom_claims import STEP_SOURCE
from triage.oct_imaging.draft import Draft

_AXES = ("bscan", "depth", "column")


def merge_claims(parts: Sequence[Draft], whole: Draft) -> None:
    """Add the claims of its files to a volume's draft, each distinct claim once.

    A scale that only some of the files state is left out: it is not assumed for the others.

    Parameters
    ----------
    parts : sequence of Draft
        One for each file.
    whole : Draft
        Of the volume, with the distances that follow from the positions of all frames.

    Raises
    ------
    ImageRejected
        With `RejectReason.INCONSISTENT`, if files disagree on the eye or the scale.
    """
    eyes = {eye for part in parts if (eye := agreed_eye(part.claims.get("laterality", ())))}
    if len(eyes) > 1:
        raise _disagreement("are of different eyes")
    partly = {f"{axis}_spacing" for axis in _AXES if not _stated_by_all(parts, axis)}
    for part in parts:
        for name, claims in part.claims.items():
            for claim in claims:
                noted = whole.claims.setdefault(name, [])
                if claim.source != STEP_SOURCE and name not in partly and claim not in noted:
                    noted.append(claim)


def _stated_by_all(parts: Sequence[Draft], axis: str) -> bool:
    """Whether every file states a scale; refuse different ones."""
    name = f"{axis}_spacing"
    stated = [
        stated_spacing(axis, [claim for claim in part.claims.get(name, ())
                              if claim.source != STEP_SOURCE])
        for part in parts
    ]  # fmt: skip
    numbers = [number for of_part in stated for number in of_part]
    if numbers and not same_spacing(numbers) and all(map(same_spacing, filter(None, stated))):
        raise _disagreement("differ in their scale")
    return all(stated)


def _disagreement(what: str) -> ImageRejected:
    return ImageRejected(
        RejectReason.INCONSISTENT,
        f"The files of the series {what}.",
        hint="Give a folder with the files of one volume only.",
    )
