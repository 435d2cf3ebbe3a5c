"""Sets of cases of a draw: training, validation, test, far and shifted."""

from __future__ import annotations

from dataclasses import dataclass

from triage.benchmark.draw_record import FAR, TEST, TRAIN, VALIDATION
from triage.benchmark.protocol import Protocol
from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.imaging.corruptions import FAR as STOCK_FAR
from triage.imaging.corruptions import Corruption


@dataclass(frozen=True)
class CaseSet:
    """Cases that are scored together, with the corruption of their images."""

    cases: list[Case]
    corruption: Corruption | None = None


def case_sets(protocol: Protocol, dataset: Dataset) -> dict[str, CaseSet]:
    """Return the sets of a draw: training inliers, validation, test, far, and one per shift."""
    inliers = dataset.draw.inliers
    test_inliers = [case for case in dataset.of_split(TEST) if case.condition in inliers]
    sets = {
        TRAIN: CaseSet([case for case in dataset.of_split(TRAIN) if case.condition in inliers]),
        VALIDATION: CaseSet(dataset.of_split(VALIDATION)),
        TEST: CaseSet(dataset.of_split(TEST)),
        FAR: CaseSet(protocol.far_cases()) if protocol.far else CaseSet(test_inliers, STOCK_FAR),
    }
    for shift in protocol.shifts:
        if shift.corruption is not None:
            sets[shift.name] = CaseSet(test_inliers, shift.corruption)
        else:
            sets[shift.name] = CaseSet(dataset.of_split(shift.name))
    return sets
