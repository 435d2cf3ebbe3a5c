"""A reference of healthy eyes, against which measurements of OCT volumes are shown."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from triage.data.strict_yaml import load_model
from triage.oct_reading import Measurement
from ui.launch import SETTINGS_VARIABLE
from ui.serving.settings import ServingSettings


class ReferenceValue(BaseModel):
    """Mean and standard deviation of one measurement in healthy eyes, in its unit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: float = Field(allow_inf_nan=False)
    sd: float = Field(gt=0, allow_inf_nan=False)
    unit: str = Field(max_length=20)


class OctReference(BaseModel):
    """What the file of `triage ui --oct-reference` holds.

    Parameters
    ----------
    source : str
        Where the values come from, shown below the table.
    measurements : dict of str to ReferenceValue
        By the measurement's name, such as `central subfield thickness`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(min_length=1, max_length=300)
    measurements: dict[str, ReferenceValue]

    def deviation(self, measurement: Measurement) -> float | None:
        """Return how many standard deviations a value lies above the mean.

        None where nothing was measured, or the reference has no value in the same unit.
        """
        found = self.measurements.get(measurement.name)
        if measurement.value is None or found is None or found.unit != measurement.unit:
            return None
        return (measurement.value - found.mean) / found.sd


def load_oct_reference(path: Path) -> OctReference:
    """Read a reference.

    Raises
    ------
    SpecError
        If the file cannot be read or breaks a rule; every problem is listed.
    """
    return load_model(path, OctReference, "reference of OCT measurements")


@cache
def configured_reference() -> OctReference | None:
    """Return the reference that the server was started with; read once."""
    text = os.environ.get(SETTINGS_VARIABLE)
    path = None if text is None else ServingSettings.from_json(text).oct_reference
    return None if path is None else load_oct_reference(path)


def by_deviation(
    measurements: tuple[Measurement, ...], reference: OctReference | None
) -> list[tuple[Measurement, float | None]]:
    """Return measurements with their deviations, the farthest from the reference first.

    Those without a reference follow in their own order.
    """
    found = [(one, reference.deviation(one) if reference else None) for one in measurements]
    return sorted(found, key=lambda pair: -abs(pair[1]) if pair[1] is not None else 1.0)
