"""`triage.load`: a trained system from its bundle, ready to score."""

from __future__ import annotations

import os
import warnings as python_warnings
from pathlib import Path

import pandas as pd

from triage.data.spec import DataSpec
from triage.decisions.policy import Policy
from triage.errors import UsageError
from triage.intake.case_results import PROBABILITY, CaseResults
from triage.intake.case_source import CaseSource, PathLike, cases_of, user_path
from triage.modalities import MODALITIES
from triage.progress import Progress, counting
from triage.systems.bundle import load_bundle_spec, load_system
from triage.systems.manifest import BundleManifest
from triage.systems.trained_system import TrainedSystem


class LoadedSystem:
    """A trained system in use, made by `triage.load`.

    Parameters
    ----------
    system : TrainedSystem
    manifest : BundleManifest
        What it is and what it was made from.
    spec : DataSpec
        The data spec it was trained with.
    """

    def __init__(self, system: TrainedSystem, manifest: BundleManifest, spec: DataSpec) -> None:
        self._system = system
        self.manifest = manifest
        self.spec = spec

    @property
    def name(self) -> str:
        """The name of the bundle."""
        return self.manifest.name

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest, which covers every file of the bundle by its hash."""
        return self.manifest.digest()

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions that it knows."""
        return self._system.classes[: self._system.n_inliers]

    @property
    def probability_columns(self) -> dict[str, str]:
        """Column of the table of `score` that holds the probability of each condition."""
        return {name: f"{PROBABILITY}{name}" for name in self.conditions}

    @property
    def policy(self) -> Policy:
        """What turns probabilities into a recommendation."""
        return self._system.policy

    def score(
        self,
        cases: CaseSource,
        *,
        root: PathLike | None = None,
        cache_folder: PathLike | None = None,
        progress: Progress = lambda *_: None,
    ) -> pd.DataFrame:
        """Score cases; the table of `predict`, parameters as there.

        Returns
        -------
        DataFrame
            One row a case, rejected cases included; see `CaseResults.to_frame`.
        """
        return self.predict(
            cases, root=root, cache_folder=cache_folder, progress=progress
        ).to_frame()

    def predict(
        self,
        cases: CaseSource,
        *,
        root: PathLike | None = None,
        cache_folder: PathLike | None = None,
        readings: PathLike | None = None,
        progress: Progress = lambda *_: None,
    ) -> CaseResults:
        """Score cases, and keep what the decisions rest on.

        A `UserWarning` lists what is probably wrong with a table.

        Parameters
        ----------
        cases : str or Path, iterable of str or Path, or DataFrame
            A folder, a file, several files, a CSV table, or a data frame with the column `image`
            and optionally `case_id`, `patient_id`, subgroups and others; see
            `triage.intake.case_source.cases_of`. The order and the index of the rows of a frame,
            and other columns, change no decision.
        root : str or Path, optional
            Folder that the paths of a table or a list are relative to. By default that of the CSV
            file; the working directory of a data frame or a list.
        cache_folder : str or Path, optional
            Where embeddings of photographs are kept between runs.
        readings : str or Path, optional
            Folder for the readings of OCT volumes, with tissue maps and measurements.
        progress : callable, optional
            Called with stage, files done and files in all.

        Returns
        -------
        CaseResults

        Raises
        ------
        SpecError
            If there is nothing to score, or the table is unusable.
        UsageError
            If the source is none of these.
        """
        found: list[str] = []
        volumes = MODALITIES[self.spec.modality].volumes
        listed = cases_of(cases, self.spec, root=root, volumes=volumes, warnings=found)
        for text in found:
            python_warnings.warn(text, UserWarning, stacklevel=2)
        total = sum(len(case.images) for case in listed) * self._system.passes
        scored = self._system.score(
            listed,
            None if cache_folder is None else user_path(cache_folder),
            counting(progress, self._system.stage, total),
            readings=None if readings is None else user_path(readings),
        )
        return CaseResults(tuple(listed), scored, self.policy, tuple(found))

    def __repr__(self) -> str:
        known = ", ".join(self.conditions)
        return f"LoadedSystem({self.name!r}, {self.digest[:12]}, conditions: {known})"


def load(bundle: str | Path) -> LoadedSystem:
    """Verify a bundle and load its system.

    Parameters
    ----------
    bundle : str or Path
        Folder that `triage train` wrote; `~` at its beginning is the user's home folder.

    Returns
    -------
    LoadedSystem

    Raises
    ------
    BundleError
        If it is missing, incomplete or altered, or of another format than this version reads.
    UsageError
        If it is no path, or an empty one.
    """
    hint = "Give the folder that `triage train` wrote."
    if not isinstance(bundle, str | os.PathLike):
        raise UsageError(
            f"is {type(bundle).__name__}, not the path of a bundle",
            where="bundle",
            hint=hint,
        )
    if not os.fspath(bundle):
        raise UsageError("the path is empty", where="bundle", hint=hint)
    folder = user_path(bundle)
    system, manifest = load_system(folder)
    return LoadedSystem(system, manifest, load_bundle_spec(folder))
