"""What a scoring run leaves: predictions of what could be read, and what became of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from triage.data.manifest import Case
from triage.errors import ImageRejected
from triage.imaging.provenance import FileProvenance
from triage.predictions import Predictions
from triage.systems.case_features import Features
from triage.vocabulary.subgroup_levels import UNKNOWN


@dataclass(frozen=True)
class Scored:
    """Predictions of the cases that could be read, and what became of the others.

    Parameters
    ----------
    predictions : Predictions
        With decisions.
    rejected : dict of ImageRejected
        By case_id.
    quality : dict of str
        By case_id: problems that made the system abstain.
    other_kind : dict of str
        By case_id: why a picture is taken for one of another kind than the system reads.
    unseen : dict of str
        By case_id: why the scan is taken for one of an unseen device.
    files : dict of FileProvenance
        Of every file, those of rejected cases too, by path.
    readings : dict of Path
        By case_id: the file with the reading of an OCT volume.
    findings : DataFrame, optional
        Of OCT volumes, one row a case: probability of each diagnosis, measurements, distance from
        the training device.
    features : dict of float32 array [D]
        By case_id: vector of the case for the search of similar ones, see
        `triage.systems.case_features`; a case that is missing has none.
    """

    predictions: Predictions
    rejected: dict[str, ImageRejected]
    quality: dict[str, str]
    other_kind: dict[str, str] = field(default_factory=dict)
    unseen: dict[str, str] = field(default_factory=dict)
    files: dict[Path, FileProvenance] = field(default_factory=dict)
    readings: dict[str, Path] = field(default_factory=dict)
    findings: pd.DataFrame | None = None
    features: Features = field(default_factory=dict)


def case_table(cases: Sequence[Case]) -> pd.DataFrame:
    """The columns of `Predictions.cases`, one row a case."""
    axes = sorted({axis for case in cases for axis in case.subgroups})
    return pd.DataFrame(
        {
            "case_id": [case.case_id for case in cases],
            "patient_id": [case.patient_id for case in cases],
            "cluster": [case.cluster for case in cases],
            "label": pd.Series([case.condition for case in cases], dtype=object),
        }
        | {axis: [case.subgroups.get(axis, UNKNOWN) for case in cases] for axis in axes}
    )
