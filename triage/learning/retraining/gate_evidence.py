"""What the gate may know beyond predictions on the gate split: flips of seeds, far cases, costs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from triage.learning.retraining.cost_of_scoring import ScoringCost, scoring_costs, weights_size
from triage.learning.retraining.far_pictures import far_cases
from triage.learning.retraining.request import Champion, RetrainRequest
from triage.learning.retraining.run_row import trained_splits
from triage.learning.retraining.seed_flips import champion_data, seed_flip_rate
from triage.learning.retraining.training_data import TrainingData
from triage.modalities import MODALITIES
from triage.predictions import Predictions
from triage.progress import Progress
from triage.store import Store
from triage.systems.trained_system import TrainedSystem

TIMED_PICTURES, TIMED_VOLUMES = 5, 2
"""Cases that are scored in alternation to time both systems."""
_FIELDS = (
    "seed_flip_rate", "far_champion", "far_challenger", "seconds_champion", "seconds_challenger",
    "bytes_champion", "bytes_challenger",
)  # fmt: skip


def measure_evidence(
    champion: Champion,
    challenger: TrainedSystem,
    bundle: Path,
    data: TrainingData,
    on_gate: Predictions | None,
    *,
    folder: Path,
    request: RetrainRequest,
    store: Store,
    checkpoints: Path,
    report: Progress,
) -> dict[str, Any]:
    """Measure what the policy's checks need; None where none does, or it cannot be measured.

    Parameters
    ----------
    champion : Champion
    challenger : TrainedSystem
    bundle : Path
        Folder of the challenger.
    data : TrainingData
    on_gate : Predictions, optional
        Of the champion, on the gate split.
    folder : Path
        Where generated pictures are written.
    request : RetrainRequest
    store : Store
    checkpoints : Path
    report : callable

    Returns
    -------
    dict
        The fields of `GateEvidence` that are numbers.
    """
    spec, checks = request.spec, request.policy.policy.gate
    if checks is None:
        return dict.fromkeys(_FIELDS)
    volumes = MODALITIES[spec.modality].volumes
    gate = data.dataset.of_split("gate")
    flips = None
    if checks.flips_over_seed_rate is not None and on_gate is not None and len(on_gate):
        with store.reading() as session:
            trained = trained_splits(session, champion.manifest.digest())
        keys = [data.key_of(case) for case in data.dataset.cases]
        flips = seed_flip_rate(
            champion,
            champion_data(data.dataset, keys, trained, set(data.sources)),
            on_gate,
            gate,
            spec,
            cache_folder=request.cache_folder,
            checkpoints=checkpoints,
            progress=report,
        )
    far: list[list[float] | None] = [None, None]
    if checks.far_ood is not None and not volumes:
        cases = far_cases(folder / "far")
        far = [
            _scores(system.score(cases, request.cache_folder).predictions)
            for system in (champion.system, challenger)
        ]
    costs: list[ScoringCost | None] = [None, None]
    few = gate[: TIMED_VOLUMES if volumes else TIMED_PICTURES]
    if few and checks.performance is not None:
        weights = weights_size(champion.folder), weights_size(bundle)
        systems = [(champion.system, weights[0]), (challenger, weights[1])]
        costs = [*scoring_costs(systems, few, report)]
    before, after = costs
    return {
        "seed_flip_rate": flips,
        "far_champion": far[0],
        "far_challenger": far[1],
        "seconds_champion": None if before is None else before.seconds,
        "seconds_challenger": None if after is None else after.seconds,
        "bytes_champion": None if before is None else before.bytes,
        "bytes_challenger": None if after is None else after.bytes,
    }


def _scores(predictions: Predictions) -> list[float] | None:
    if predictions.decisions is None or not len(predictions):
        return None
    found = predictions.decisions["ood_score"].to_numpy(dtype=np.float64)
    return [float(value) for value in found if math.isfinite(value)]
