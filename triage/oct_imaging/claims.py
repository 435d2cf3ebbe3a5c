"""Resolution of a file's claims: agreeing claims are used, contradictions are flagged.

No claim is preferred over a contradicting one, and no default is assumed: without an agreed value
the field is empty and the volume flagged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from triage.errors import ImageRejected, RejectReason
from triage.imaging.metadata_removal import device_text
from triage.oct_imaging.bscan_order import leaves_out, parallel, spatial_order
from triage.oct_imaging.draft import Draft, Part
from triage.oct_imaging.intensity import to_bytes
from triage.oct_imaging.orientation import looks_upside_down
from triage.oct_imaging.volume import Claim, Eye, Flag, OctVolume, Spacing

UNRECOGNISED = "unrecognised"
_EYES: dict[str, Eye] = {
    **dict.fromkeys(("R", "RIGHT", "OD"), "R"),
    **dict.fromkeys(("L", "LEFT", "OS"), "L"),
}
_FIXATIONS = {"MACULA": "macula", "MACULAR": "macula", "FOVEA": "macula", "CENTRAL": "macula"} | {
    "DISC": "disc", "DISK": "disc", "OPTIC DISC": "disc", "OPTIC DISK": "disc", "ONH": "disc",
}  # fmt: skip
# Spacing in mm that a retinal scanner can have, coarse research grids included: a number
# outside is in another unit or none.
_PLAUSIBLE = {"bscan": (5e-4, 3.0), "depth": (2e-4, 0.2), "column": (5e-4, 1.0)}
_SAME_SPACING = 0.02  # relative; vendors round the same number to three or four decimals


def file_name_claim(draft: Draft, path: Path) -> None:
    """Add the claim of a file name that holds OD or OS as a word."""
    words = {word.upper() for word in re.split(r"[^A-Za-z]+", path.stem)} & {"OD", "OS"}
    if len(words) == 1:
        draft.claim("laterality", words.pop(), "file name")


def finish(draft: Draft) -> OctVolume:
    """Resolve a draft's claims, order its B-scans and scale them to 8 bits.

    Parameters
    ----------
    draft : Draft
        As a format's reader left it. Reordering works on it in place.

    Returns
    -------
    OctVolume
        Fields where all statements agree; flags where they do not, where there is none, and
        where pixels or positions contradict them.
    """
    flags = list(draft.flags)
    if draft.part is not None:
        _check_whole(draft.part, flags)
    claims = {name: _clean(name, found) for name, found in draft.claims.items()}
    raster = _sort(draft, flags)
    laterality = _laterality(claims.get("laterality", ()), flags)
    spacing = _spacing(claims, flags, raster=raster and len(draft.bscans) > 1)
    fixation = _agreed(claims.get("fixation", ()))
    if fixation == "disc":
        flags.append(Flag.NOT_MACULAR)
    if len(draft.bscans) == 1:
        flags.append(Flag.SINGLE_BSCAN)
    bscans = to_bytes(draft.bscans)
    if looks_upside_down(bscans):
        flags.append(Flag.UPSIDE_DOWN)
    return OctVolume(
        bscans=np.ascontiguousarray(bscans),
        spacing=spacing,
        kind=draft.kind,
        sha256=draft.sha256,
        laterality=laterality,
        fixation=fixation,
        localizer=draft.localizer,
        manufacturer=_first(claims.get("manufacturer", ())),
        model=_first(claims.get("model", ())),
        surfaces=draft.surfaces,
        claims=claims,
        flags=tuple(dict.fromkeys(flags)),
    )


def _check_whole(part: Part, flags: list[Flag]) -> None:
    if part.is_whole is None and part.concatenation:
        flags.append(Flag.BSCANS_MISSING)
    if part.is_whole is False:
        of = f"one of the {part.total} parts" if part.total else "only a part"
        raise ImageRejected(
            RejectReason.TRUNCATED,
            f"The file holds {of} of a volume.",
            hint="Give a folder with all parts of the volume.",
        )


def agreed_eye(found: Iterable[Claim]) -> str | None:
    """Eye that all recognised claims name; None if there is none or they disagree."""
    return _agreed(_clean("laterality", found))


def stated_spacing(axis: str, found: Iterable[Claim]) -> list[float]:
    """Plausible distances among the claims on one axis, in mm."""
    return _numbers(_clean(f"{axis}_spacing", found))


def same_spacing(numbers: Iterable[float]) -> bool:
    """Return whether distances in mm agree; vendors round the same number differently."""
    numbers = list(numbers)
    return max(numbers) <= min(numbers) * (1 + _SAME_SPACING)


def _clean(name: str, found: Iterable[Claim]) -> tuple[Claim, ...]:
    """Restrict each claim to a fixed vocabulary: a field may hold any text, also a name."""
    cleaned = []
    for claim in found:
        value: str | None
        if name == "laterality":
            value = _EYES.get(claim.value.upper())
        elif name == "fixation":
            value = _FIXATIONS.get(claim.value.upper())
        elif name.endswith("_spacing"):
            value = _millimetres(claim.value, name.removesuffix("_spacing"))
        else:
            value = device_text(claim.value)
        cleaned.append(Claim(value or UNRECOGNISED, claim.source))
    return tuple(cleaned)


def is_plausible(axis: str, value: float) -> bool:
    """Return whether a number is a plausible sample distance of a retinal scan in mm.

    Parameters
    ----------
    axis : str
        'bscan', 'depth' or 'column'.
    value : float
    """
    low, high = _PLAUSIBLE[axis]
    return low <= value <= high


def _millimetres(text: str, axis: str) -> str | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return f"{value:.6g} mm" if is_plausible(axis, value) else None


def _values(claims: Iterable[Claim]) -> list[str]:
    return [claim.value for claim in claims if claim.value != UNRECOGNISED]


def _numbers(cleaned: Iterable[Claim]) -> list[float]:
    return [float(text.split()[0]) for text in _values(cleaned)]


def _agreed(claims: Iterable[Claim]) -> str | None:
    values = set(_values(claims))
    return values.pop() if len(values) == 1 else None


def _first(claims: Iterable[Claim]) -> str:
    return next(iter(_values(claims)), "")


def _laterality(claims: Iterable[Claim], flags: list[Flag]) -> Eye | None:
    values = set(_values(claims))
    if len(values) == 1:
        return _EYES[values.pop()]
    flags.append(Flag.LATERALITY_CONFLICT if values else Flag.LATERALITY_UNKNOWN)
    return None


def _spacing(claims: dict[str, tuple[Claim, ...]], flags: list[Flag], *, raster: bool) -> Spacing:
    found: dict[str, float] = {}
    for axis in ("bscan", "depth", "column"):
        numbers = _numbers(claims.get(f"{axis}_spacing", ()))
        if axis == "bscan" and not raster:
            continue  # one B-scan, a star or a circle: there is no distance between neighbours
        if not numbers:
            flags.append(Flag.SPACING_MISSING)
        elif not same_spacing(numbers):
            flags.append(Flag.SPACING_CONFLICT)
        else:
            found[axis] = numbers[0]
    return Spacing(**found)


def _sort(draft: Draft, flags: list[Flag]) -> bool:
    """Sort B-scans by their positions; return whether they may be a raster."""
    positions = draft.positions
    if positions is None and draft.localizer is not None:
        positions = draft.localizer.lines
    if positions is None or len(positions) != len(draft.bscans):
        return True
    if leaves_out(positions):
        flags.append(Flag.BSCANS_MISSING)
    order = spatial_order(positions)
    if order is not None:
        flags.append(Flag.ORDER_CONFLICT)
        draft.bscans = draft.bscans[order]
        draft.surfaces = {name: surface[order] for name, surface in draft.surfaces.items()}
        if draft.localizer is not None and draft.localizer.lines is not None:
            draft.localizer = replace(draft.localizer, lines=draft.localizer.lines[order])
    return parallel(positions)
