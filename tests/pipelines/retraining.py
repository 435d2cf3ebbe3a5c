"""A clinic whose cases are scored, reviewed and trained on: helpers of the retraining tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.readers import lock, read_case, states
from tests.tiny import TinyBundle
from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.intake.ingest import ingest
from triage.intake.score import score_cases
from triage.learning.promotion_gate import RetrainPolicy
from triage.store import Store, champion, find_case
from triage.systems.bundle import load_system

SOURCE = "clinic"


def policy(*sources: str, low: float = -1.0, flips: float = 1.0, labels: int = 1) -> RetrainPolicy:
    content: dict[str, Any] = {
        "labels": {"min_labels": labels} | ({"sources": sources} if sources else {}),
        "require": [{"metric": "ood_auroc", "low_at_least": low}],
        "max_negative_flips": flips,
    }
    return RetrainPolicy.model_validate(content)


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
    assert trained.splits[: len(base.cases)] == base.splits
    assert set(trained.splits[len(base.cases) :]) <= {"train"}
    return {case.case_id: case.condition for case in trained.cases[len(base.cases) :]}
