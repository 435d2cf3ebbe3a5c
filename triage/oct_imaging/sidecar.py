"""Sidecar file of a stack of B-scans: eye, scale and positions, as JSON."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging.draft import Draft
from triage.oct_imaging.volume import Localizer

_Pairs = list[Any]
_Number = Annotated[float | str | None, Field(union_mode="left_to_right")]


def _either(*names: str) -> Any:
    return Field(default=None, validation_alias=AliasChoices(*names))


class Sidecar(BaseModel):
    """Keys of the sidecar; other keys are ignored, as they may identify a patient.

    Parameters
    ----------
    laterality : str or None
        Also `eye`: R, L, OD, OS, right or left.
    bscan_spacing_mm, depth_spacing_mm, column_spacing_mm : float or None
        Also `spacing_slice_mm`, `spacing_depth_mm`, `spacing_x_mm`.
    fixation : str or None
        'macula' or 'disc'.
    manufacturer, model : str or None
    images : list of str or None
        The B-scans' file names in their order; without it, names are sorted by their numbers.
    localizer : str or None
        File name of the fundus picture.
    localizer_spacing_mm : float or None
        Also `slo_scale_mm`: mm per pixel of the localizer.
    starts, ends : list or None
        (x, y) of each B-scan's start and end, in mm from the localizer's upper left corner.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    laterality: str | None = _either("laterality", "eye")
    bscan_spacing_mm: _Number = _either("bscan_spacing_mm", "spacing_slice_mm")
    depth_spacing_mm: _Number = _either("depth_spacing_mm", "spacing_depth_mm")
    column_spacing_mm: _Number = _either("column_spacing_mm", "spacing_x_mm")
    fixation: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    images: list[str] | None = None
    localizer: str | None = None
    localizer_spacing_mm: _Number = _either("localizer_spacing_mm", "slo_scale_mm")
    starts: _Pairs | None = None
    ends: _Pairs | None = None

    @classmethod
    def parse(cls, text: str | bytes) -> Sidecar:
        """Parse JSON.

        Raises
        ------
        ImageRejected
            With `RejectReason.UNREADABLE`; the text is not quoted.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            # A place in the document could be a key of theirs; ours are all one level deep.
            places = {str(found["loc"][0]) for found in error.errors() if found["loc"]}
            known = sorted(places & _names())
            what = f"its {', '.join(known)} cannot be used" if known else "it is no JSON object"
            raise ImageRejected(
                RejectReason.UNREADABLE, f"The sidecar cannot be read: {what}."
            ) from None

    def note(self, draft: Draft, source: str = "sidecar") -> None:
        """Add the sidecar's claims and positions to a draft; `source` names it in claims.

        Raises
        ------
        ImageRejected
            With `RejectReason.INCONSISTENT`, if it has not one position for each B-scan.
        """
        for name in ("laterality", "fixation", "manufacturer", "model"):
            draft.claim(name, getattr(self, name), f"{source} {name}")
        for axis in ("bscan", "depth", "column"):
            value = getattr(self, f"{axis}_spacing_mm")
            draft.claim(f"{axis}_spacing", value, f"{source} {axis}_spacing_mm")
        if self.starts is None or self.ends is None:
            return
        draft.positions = positions = self._positions(len(draft.bscans))
        scale = self.localizer_scale
        if draft.localizer is not None and scale is not None:
            lines = (positions / scale).astype(np.float32)
            draft.localizer = Localizer(draft.localizer.pixels, scale, lines)

    @property
    def localizer_scale(self) -> float | None:
        """Mm per pixel of the localizer, None unless it is a plausible number."""
        try:
            value = float(self.localizer_spacing_mm or 0)
        except ValueError:
            return None
        return value if 1e-4 <= value <= 1 else None

    def _positions(self, count: int) -> NDArray[np.float64]:
        ends: list[NDArray[np.float64]] = []
        sides = (self.starts or [], self.ends or [])
        with suppress(TypeError, ValueError):
            if all(len(side) == count for side in sides):
                ends = [np.asarray(side, dtype=np.float64).reshape(count, 2) for side in sides]
        if not ends or not all(np.isfinite(side).all() for side in ends):
            raise ImageRejected(
                RejectReason.INCONSISTENT,
                "The sidecar has not one start and one end (x, y) for each B-scan.",
            )
        return np.stack(ends, axis=1)


def _names() -> set[str]:
    """All names that a field may have."""
    aliases = [info.validation_alias for info in Sidecar.model_fields.values()]
    also = [alias.choices for alias in aliases if isinstance(alias, AliasChoices)]
    return {*Sidecar.model_fields, *(str(name) for choices in also for name in choices)}
