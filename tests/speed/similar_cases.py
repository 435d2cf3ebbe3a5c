"""Seconds to find similar cases among many labelled ones, and to store vectors at scoring.

`python -m tests.speed.similar_cases [CASES [KIND ...]]`; kinds are `sqlite` and `postgres`.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sqlalchemy import insert
from sqlalchemy.orm import Session

from tests.readers import DWELL
from tests.review.labelled import histology, label, scored_with
from tests.review.team import ANN, never_twice
from tests.store.databases import database_url
from tests.store.make import NOON, bundle, case, opinion
from triage.review import decide, lock_first_read, open_case, reveal, viewable
from triage.review.labelled_vectors import labelled_vectors
from triage.review.similar_cases import similar_cases
from triage.store import (
    LabelSource,
    Store,
    add_case,
    add_prediction,
    open_store,
    register_bundle,
)
from triage.store.base import utc_now
from triage.store.features import add_features
from triage.store.tables import Case, Image, Label, Patient
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import Certainty

DIMENSION, CONDITIONS, CHUNK = 512, 9, 5_000
ROUNDS = 20


def unit_vectors(count: int, seed: int) -> np.ndarray:
    """Random vectors of length 1, float32 [count, D]."""
    found = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def fill(session: Session, first: int, count: int) -> None:
    """Add signed cases with histology, row by row, without events."""
    numbers = range(first, first + count)
    session.execute(
        insert(Patient), [{"id": n, "external_id": f"p{n}", "source": "s"} for n in numbers]
    )
    session.execute(
        insert(Case),
        [
            {
                "id": n,
                "external_id": f"c{n}",
                "source": "s",
                "patient_id": n,
                "groups": {"skin_type": "III"},
                "received_at": NOON,
                "state": CaseState.SIGNED,
            }
            for n in numbers
        ],
    )
    session.execute(
        insert(Image),
        [
            {"case_id": n, "position": 0, "path": "a", "root": "/r", "sha256": f"{n:064x}"}
            for n in numbers
        ],
    )
    session.execute(
        insert(Label),
        [
            {
                "case_id": n,
                "condition": f"condition {n % CONDITIONS}",
                "source": LabelSource.HISTOLOGY,
                "given_by": "laboratory",
                "ai_visible": False,
                "created_at": NOON,
            }
            for n in numbers
        ],
    )
    add_features(session, 1, dict(zip(numbers, unit_vectors(count, first), strict=True)))


def decided_case(store: Store, name: str) -> int:
    """A case of Ann's with a decision."""
    number = scored_with(store, name, unit_vectors(1, 99)[0].tolist(), patient=name)
    given = {
        "conditions": ("melanoma",),
        "urgency": Urgency.URGENT,
        "certainty": Certainty.SURE,
    }
    open_case(store, number, ANN)
    lock_first_read(store, number, ANN, **given)
    reveal(store, number, ANN)
    decide(store, number, ANN, at=utc_now() + DWELL, **given)
    return number


def search(kind: str, count: int) -> None:
    """Print the times of a search among so many cases."""
    with tempfile.TemporaryDirectory() as folder, database_url(kind, Path(folder)) as url:
        store = open_store(url, create=True)
        never_twice(store)
        number = decided_case(store, "c1")
        for start in range(10, 10 + count, CHUNK):
            with store.transaction() as session:
                fill(session, start, min(CHUNK, 10 + count - start))
        vectors = labelled_vectors(store, 1)
        first = cpu_seconds(lambda: similar_cases(store, number, ANN))
        assert len(vectors) == count
        later, changed = [], []
        for n in range(10, 10 + ROUNDS):
            later.append(cpu_seconds(lambda: similar_cases(store, number, ANN)))
            label(store, n, histology(f"condition {n % CONDITIONS}"))
            changed.append(cpu_seconds(lambda: similar_cases(store, number, ANN)))
        vector = unit_vectors(1, 7)[0]
        nearest = [cpu_seconds(lambda: next(iter(vectors.nearest(vector, ())))) for _ in later]
        print(f"{kind}, {count:,} labelled cases of {DIMENSION} numbers, CPU time of the process:")
        print(f"  first search            {first:8.2f} s")
        for title, found in (
            ("later ones", later),
            ("after a new label", changed),
            ("distances and order", nearest),
        ):
            print(f"  {title:22} {1000 * np.median(found):8.0f} ms (most {1000 * max(found):.0f})")
        store.close()


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of this process, which other work on the machine hardly changes."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def storing(kind: str, count: int = 2_000, chunk: int = 200) -> None:
    """Print what vectors add to storing scored cases."""
    with tempfile.TemporaryDirectory() as folder, database_url(kind, Path(folder)) as url:
        store = open_store(url, create=True)
        vectors = unit_vectors(count, 3)
        plain = with_vectors = 0.0
        for start in range(0, count, chunk):
            with store.transaction() as session:
                system = register_bundle(session, bundle())
                numbers: list[int] = []

                def cases(start: int = start, numbers: list[int] = numbers) -> None:
                    for n in range(start, start + chunk):
                        numbers.append(add_case(session, case(f"c{n}")))
                        add_prediction(session, numbers[-1], system, opinion())  # noqa: B023

                plain += cpu_seconds(cases)
                found = dict(zip(numbers, vectors[start:], strict=False))
                with_vectors += cpu_seconds(lambda: add_features(session, system, found))  # noqa: B023
        print(f"  storing {count:,} cases {plain:.2f} s, their vectors {with_vectors:.3f} s")
        store.close()


def main(count: int = 100_000, kinds: tuple[str, ...] = ("sqlite",)) -> None:
    """Print the figures of each kind of database."""
    viewable._is_viewable = lambda *_: True  # first reads are given of cases without files
    for kind in kinds:
        search(kind, count)
        storing(kind)


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 100_000,
        tuple(sys.argv[2:]) or ("sqlite", "postgres"),
    )
