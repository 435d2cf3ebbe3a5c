"""What every trained system offers, whatever it reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from triage.data.manifest import Case
from triage.decisions.policy import Policy
from triage.heads import HeadKind
from triage.systems.scored import Scored


class TrainedSystem(Protocol):
    """A trained system in use: cases in, predictions with decisions out."""

    kind: HeadKind
    classes: tuple[str, ...]
    n_inliers: int
    policy: Policy
    provenance: dict[str, str]
    stage: str
    """What the work of `score` is called in progress reports."""

    @property
    def passes(self) -> int:
        """How often `score` reports each file."""

    def score(
        self,
        cases: Sequence[Case],
        cache_folder: Path | None = None,
        progress: Callable[[int], None] | None = None,
        *,
        readings: Path | None = None,
    ) -> Scored:
        """Score cases.

        Parameters
        ----------
        cases : sequence of Case
        cache_folder : Path, optional
            Where embeddings are kept between runs.
        progress : callable, optional
            Called with the number of files finished.
        readings : Path, optional
            Folder for what a system leaves of each case beside its predictions.
        """
