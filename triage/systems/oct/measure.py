"""What is measured of OCT volumes beyond what every system is measured by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from triage.data.manifest import Case
from triage.data.spec import UrgencyCosts
from triage.decisions.fitting import truth_of
from triage.decisions.policy import Policy
from triage.errors import ImageRejected
from triage.evaluation.referral import ReferralResult, evaluate_referral
from triage.evaluation.segmentation import (
    SegmentationEvaluator,
    SegmentationResult,
    TruthAndPrediction,
)
from triage.progress import Progress
from triage.systems.oct.networks import map_probabilities
from triage.systems.oct.opening import open_annotation, open_volume
from triage.systems.oct.system import OctSystem
from triage.systems.scored import Scored
from triage.vocabulary.diagnoses import DIAGNOSES
from triage.vocabulary.tissues import Tissue

MOST_TISSUE_VOLUMES = 120
"""Annotated test volumes whose tissue is measured; surface distances are slow."""


def measure_referral(
    scored: Scored,
    cases: Sequence[Case],
    policy: Policy,
    costs: UrgencyCosts,
    *,
    n_resamples: int,
) -> ReferralResult | None:
    """Referrals of the known conditions as if the system never abstained; None without any.

    De Fauw et al. 2018 report this: every volume gets one of four classes. What abstaining
    changes is in the evaluation that all systems share. The policy decides by its own costs,
    as if every case were of a known condition; errors are priced by `costs`, those of the spec
    that is evaluated on.
    """
    known = truth_of(scored.predictions) >= 0
    if not known.any() or scored.findings is None:
        return None
    table = scored.predictions
    probabilities = policy.calibrated(table)[known]
    ranks = policy.urgency_ranks
    by_urgency = np.zeros((len(probabilities), 4))
    np.add.at(by_urgency.T, ranks, probabilities.T)
    diagnoses = {case.case_id: case.diagnoses for case in cases}
    ids = table.cases["case_id"][known]
    truth = np.array(
        [[int(diagnoses[case].get(name, -1)) for name in DIAGNOSES] for case in ids], dtype=np.int64
    )
    found = scored.findings.set_index("case_id").loc[ids, [f"p_{name}" for name in DIAGNOSES]]
    return evaluate_referral(
        ranks[truth_of(table)[known]],
        policy.choices(probabilities, np.zeros(len(probabilities))).urgency,
        table.cases["cluster"].to_numpy(dtype=str)[known],
        probabilities=by_urgency,
        diagnoses=tuple(DIAGNOSES),
        diagnosis_truth=truth,
        diagnosis_probabilities=found.to_numpy(dtype=np.float64),
        costs=costs,
        n_resamples=n_resamples,
    )


def measure_tissue(
    system: OctSystem, cases: Sequence[Case], report: Progress, *, n_resamples: int
) -> SegmentationResult | None:
    """Tissue maps against annotated truth, on the networks' grid; None without annotation."""
    chosen = [case for case in cases if case.annotation is not None][:MOST_TISSUE_VOLUMES]
    evaluator = SegmentationEvaluator([tissue.title for tissue in Tissue])
    added = 0
    for number, case in enumerate(chosen, 1):
        try:
            volume = open_volume(case, system.settings.segmentation)
            truth = open_annotation(case, system.settings.segmentation)
        except ImageRejected:
            continue
        if truth is not None and truth.shape == volume.bscans.shape:
            segmenters = list(system.segmenters.values())
            probabilities, maps = map_probabilities(segmenters, volume.bscans, system.settings)
            evaluator.add(
                TruthAndPrediction(
                    truth=truth,
                    predicted=maps.tissue,
                    patient=case.cluster,
                    spacing=volume.spacing,
                    probabilities=np.moveaxis(probabilities, 1, 0),
                    uncertainty=maps.disagreement.astype(np.float32) * (100 / 255),
                )
            )
            added += 1
        report("measuring tissue maps", number, len(chosen))
    return evaluator.result(n_resamples=n_resamples) if added else None
