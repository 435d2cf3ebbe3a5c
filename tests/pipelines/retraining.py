"""A clinic whose cases are scored, reviewed and trained on: helpers of the retraining tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.readers import lock, read_case, states
from tests.tiny import TinyBundle
from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.gating.policy import GatePolicy, LoadedPolicy
from triage.intake.ingest import ingest
from triage.intake.score import score_cases
from triage.store import Store, champion, find_case
from triage.systems.bundle import load_system

SOURCE = "clinic"
LENIENT: dict[str, Any] = {
    "overall": {"accuracy": 1.0},
    "groups": {},
    "worst_group": {},
    "calibration": None,
    "near_ood": None,
    "far_ood": None,
    "coverage": None,
    "flips_over_seed_rate": None,
    "frozen": None,
    "performance": None,
}
"""Checks that tiny systems on a few cases pass."""


def policy(*sources: str, labels: int = 1, **content: Any) -> LoadedPolicy:
    """A policy that asks for few labels and, by default, gates nothing but accuracy."""
    found = GatePolicy.model_validate(
        {
            "labels": {"min_labels": labels} | ({"sources": sources} if sources else {}),
            "gate": LENIENT,
            "improvement": "none",
            **content,
        }
    )
    return LoadedPolicy(found, found.content_hash())


def put(store: Store, cases: list[Case], bundle: TinyBundle, root: Path) -> None:
    system, manifest = load_system(bundle.folder)
    scored = score_cases(system, cases, bundle.cache, lambda *_: None)
    ingest(store, cases, scored, manifest, bundle=bundle.folder, root=root, source=SOURCE)


def read(store: Store, case: str, blind: str, final: str | None = None) -> None:
    """One reader's review: a blind first read, and perhaps a decision after the reveal."""
    with store.reading() as session:
        number = find_case(session, SOURCE, case)
    assert number is not None
    if final is None:
        lock(store, number, "Dr A", **states(blind))
    else:
        read_case(store, number, "Dr A", states(blind), states(final))


def champion_of(store: Store) -> str | None:
    with store.reading() as session:
        found = champion(session)
    return found.digest if found else None


def added(trained: Dataset, base: Dataset) -> dict[str, str | None]:
    """Cases that the reviews added to training, with their labels."""
    assert trained.cases[: len(base.cases)] == base.cases
    parts = ["test" if part in ("gate", "frozen") else part for part in trained.splits]
    assert tuple(parts[: len(base.cases)]) == base.splits
    assert set(trained.splits[len(base.cases) :]) <= {"train"}
    return {case.case_id: case.condition for case in trained.cases[len(base.cases) :]}
