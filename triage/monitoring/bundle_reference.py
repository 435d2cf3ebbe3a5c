"""The monitoring reference of a bundle: what its accuracy without labels is estimated from.

`triage monitor reference` writes it, once for each bundle; runs of monitoring read it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from triage.atomic_write import whole_file
from triage.errors import UsageError
from triage.monitoring.accuracy_errors import MethodError, ShiftError
from triage.monitoring.accuracy_estimate import AccuracyReference
from triage.named_file import MAX_JSON_BYTES, read_named_text

FORMAT: Literal["triage-monitoring-reference-1"] = "triage-monitoring-reference-1"
CORRUPTIONS, GROUPS, UNKNOWN = "corruptions", "groups", "unknown conditions"
"""Which shifts errors are of: corrupted pictures, levels of groups, cases of unknown conditions."""
_MAKE = "Make one with `triage monitor reference`."


class BundleReference(BaseModel):
    """Accuracy of a bundle on labelled cases, and errors of its estimates on shifts.

    Parameters
    ----------
    version : str
        Of the software that measured it.
    bundle : str
        Digest of the bundle.
    spec_name, spec_hash, data_hash : str
        Of the data.
    accuracy : AccuracyReference
        Of the validation cases of known conditions.
    regression_slope : float, optional
        Change of accuracy for each change of the mean confidence, over the corrupted validation
        cases; None where no corruption was measured.
    errors : tuple of MethodError
        Over corruptions, and over levels of groups, of test cases.
    shifts : tuple of ShiftError
        Of each of these, and of the test cases together with those of unknown conditions.
    rejected : dict of int
        Cases that could not be read, by reason.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["triage-monitoring-reference-1"] = FORMAT
    version: str
    bundle: str
    spec_name: str
    spec_hash: str
    data_hash: str
    accuracy: AccuracyReference
    regression_slope: float | None = None
    errors: tuple[MethodError, ...] = ()
    shifts: tuple[ShiftError, ...] = ()
    rejected: dict[str, int] = {}

    def mean_absolute_error(self, method: str, over: str = CORRUPTIONS) -> float | None:
        """Of 'atc', 'doc' or 'regression'; None where it was not measured."""
        found = (e.mean_absolute_error for e in self.errors if (e.method, e.over) == (method, over))
        return next(found, None)


def save_bundle_reference(reference: BundleReference, path: str | Path) -> None:
    """Write it as JSON, whole or not at all.

    Raises
    ------
    UsageError
        If the file cannot be written.
    """
    path = Path(os.path.expanduser(path))
    try:
        with whole_file(path) as partial:
            partial.write_text(reference.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot be written: {error.strerror or error}", where=str(path)
        ) from error


def load_bundle_reference(path: str | Path, bundle: str | None = None) -> BundleReference:
    """Read one.

    Parameters
    ----------
    path : str or Path
    bundle : str, optional
        Digest of the bundle that it must be of.

    Raises
    ------
    UsageError
        If the file is missing, is no monitoring reference, or is one of another bundle.
    """
    text = read_named_text(Path(path), "monitoring reference", UsageError, MAX_JSON_BYTES)
    try:
        found = BundleReference.model_validate_json(text)
    except ValidationError as error:
        raise UsageError("is not a monitoring reference", where=str(path), hint=_MAKE) from error
    if bundle is not None and found.bundle != bundle:
        raise UsageError("is of another bundle than the one in use", where=str(path), hint=_MAKE)
    return found
