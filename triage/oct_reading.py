"""What a trained system read in one OCT volume: tissue maps, hypotheses, measurements.

One safetensors file a volume, beside the `Predictions` table, so that the browser page and an
auditor see the reasons of a referral without running a network. It holds no B-scan: the page
reads those from the volume itself, and `volume_sha256` says which.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from triage.array_file import load_arrays, save_arrays
from triage.errors import PredictionsError

FORMAT = "triage-oct-reading-1"
_ARRAYS = (
    "tissue", "hypotheses", "disagreement", "referral", "diagnoses", "thickness",
    "thickness_spread", "signal",
)  # fmt: skip


class Measurement(BaseModel):
    """One number of a reading with its spread over the segmentation instances.

    Parameters
    ----------
    name : str
        Such as `central subfield thickness`.
    unit : str
        'um', 'nl', 'mm3', 'mm2' or ''.
    value : float or None
        Mean over instances; None where it cannot be measured.
    low, high : float or None
        Smallest and largest over instances.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    unit: str
    value: float | None
    low: float | None
    high: float | None


class ReadingFacts(BaseModel):
    """The part of a reading that is no array.

    Parameters
    ----------
    classes : tuple of str
        Columns of `referral`: the referral classes, then the outlier classes.
    n_inliers : int
        How many leading classes are referral classes.
    diagnoses : tuple of str
        Columns of `diagnoses`.
    spacing : tuple of float or None
        mm between B-scans, rows and columns of the maps.
    laterality : {'R', 'L'} or None
    fovea : tuple of float or None
        B-scan and column of the fovea on the maps, as indices; None where it was not found.
    measurements : tuple of Measurement
    flags : tuple of str
        `triage.oct_imaging.Flag` values.
    p_unfamiliar : float
        Probability that the condition is unknown to the system.
    device_distance, device_limit : float
        How unlike the training device's scans this one is, and from where on it is called unseen.
    ungradable : str
        What makes the scan ungradable, '' where nothing does.
    volume_sha256, bundle : str
        Hashes of what was read and of the system that read it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    classes: tuple[str, ...]
    n_inliers: int
    diagnoses: tuple[str, ...]
    spacing: tuple[float, float, float] | None
    laterality: str | None
    fovea: tuple[float, float] | None = None
    measurements: tuple[Measurement, ...] = ()
    flags: tuple[str, ...] = ()
    p_unfamiliar: float
    device_distance: float
    device_limit: float
    ungradable: str = ""
    volume_sha256: str
    bundle: str


@dataclass(frozen=True)
class OctReading:
    """Tissue maps of S B-scans at the networks' grid, M segmentation and R referral instances.

    Parameters
    ----------
    facts : ReadingFacts
    tissue : uint8 array [S, H, W]
        Most probable class of each voxel by the averaged segmentation instances;
        `triage.vocabulary.tissues.Tissue`. H and W are the networks' grid over the whole B-scan.
    hypotheses : uint8 array [M, S, H, W]
        The same by each instance.
    disagreement : uint8 array [S, H, W]
        Share of instances that differ from `tissue`, 0 to 255.
    referral : float32 array [M, R, C]
        Probabilities of every pair of instances over `facts.classes`.
    diagnoses : float32 array [M, R, D]
        Probabilities of every pair for each of `facts.diagnoses`.
    thickness, thickness_spread : float32 array [S, W]
        Retinal thickness in um: mean over instances and their standard deviation; NaN where
        there is no retina or no scale.
    signal : float32 array [S]
        Signal quality of each B-scan, 0 to 1.
    """

    facts: ReadingFacts
    tissue: NDArray[np.uint8] = field(repr=False)
    hypotheses: NDArray[np.uint8] = field(repr=False)
    disagreement: NDArray[np.uint8] = field(repr=False)
    referral: NDArray[np.float32] = field(repr=False)
    diagnoses: NDArray[np.float32] = field(repr=False)
    thickness: NDArray[np.float32] = field(repr=False)
    thickness_spread: NDArray[np.float32] = field(repr=False)
    signal: NDArray[np.float32] = field(repr=False)

    def __post_init__(self) -> None:
        """Check shapes; raise PredictionsError on the first violation."""
        shape = self.tissue.shape
        instances, pairs = len(self.hypotheses), self.referral.shape[:2]
        expected = {
            "hypotheses": (instances, *shape),
            "disagreement": shape,
            "referral": (*pairs, len(self.facts.classes)),
            "diagnoses": (*pairs, len(self.facts.diagnoses)),
            "thickness": (shape[0], shape[-1]),
            "thickness_spread": (shape[0], shape[-1]),
            "signal": shape[:1],
        }
        for name, wanted in expected.items():
            if (found := getattr(self, name).shape) != wanted:
                raise PredictionsError(f"{name} has shape {found}, expected {wanted}")

    def save(self, path: Path) -> None:
        """Write one safetensors file, whole or not at all."""
        header = {"format": FORMAT, "facts": self.facts.model_dump(mode="json")}
        save_arrays(path, {name: getattr(self, name) for name in _ARRAYS}, header)

    @classmethod
    def load(cls, path: Path) -> OctReading:
        """Read what `save` wrote.

        Raises
        ------
        PredictionsError
            If the file is missing, damaged or of another kind.
        """
        path = Path(path)  # a str too, from notebooks
        found = load_arrays(path)
        header: dict[str, Any] = found[1] if found else {}
        if found is None or header.get("format") != FORMAT:
            raise PredictionsError(
                "is no reading of an OCT volume, or is damaged",
                where=path.name,
                hint="Score the volume again with `triage score`.",
            )
        return cls(facts=ReadingFacts.model_validate(header["facts"]), **found[0])
