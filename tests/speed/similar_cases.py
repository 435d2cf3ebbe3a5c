"""Seconds to find similar cases among many labelled ones, and to store vectors at scoring.

`python -m tests.speed.similar_cases [CASES [KIND ...]]`; kinds are `sqlite` and `postgres`.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sqlalchemy import insert
from sqlalchemy.orm import Session

from tests.review.labelled import scored_with
from tests.review.team import ANN, never_twice
from tests.store.databases import database_url
from tests.store.make import NOON, bundle, case, opinion
from triage.review import decide, lock_first_read, open_case, reveal
from triage.review.labelled_vectors import LabelledVectors, labelled_vectors
from triage.review.similar_cases import similar_cases
from triage.store import (
    LabelSource,
    Store,
    add_case,
    add_label,
    add_prediction,
    open_store,
    register_bundle,
)
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
    time.sleep(3.1)  # least time between reveal and decision
    decide(store, number, ANN, **given)
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
        begun = time.perf_counter()
        result = similar_cases(store, number, ANN)
        loaded = time.perf_counter() - begun
        assert result.compared == count
        times, added = [], []
        for turn in range(ROUNDS):
            begun = time.perf_counter()
            similar_cases(store, number, ANN)
            times.append(time.perf_counter() - begun)
            with store.transaction() as session:
                add_label(session, 10 + turn, f"condition {(10 + turn) % CONDITIONS}",
                          LabelSource.HISTOLOGY, given_by="laboratory", ai_visible=False)  # fmt: skip
            begun = time.perf_counter()
            similar_cases(store, number, ANN)
            added.append(time.perf_counter() - begun)
        vectors = labelled_vectors(store, 1)
        vector = unit_vectors(1, 7)[0]
        nearest = min(_time(lambda: next(iter(vectors.nearest(vector, ())))) for _ in range(5))
        scale = _time(vectors._sampled)
        print(
            f"{kind:8}  {count:,} labelled cases of {DIMENSION}: first search {loaded:.2f} s; later "
            f"ones {1000 * np.median(times):.0f} ms, at most {1000 * max(times):.0f} ms; after a "
            f"new label {1000 * np.median(added):.0f} ms; of these the nearest by one product "
            f"{1000 * nearest:.0f} ms; scale {1000 * scale:.0f} ms"
        )
        store.close()


def _time(work: object) -> float:
    begun = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - begun


def storing(kind: str, count: int = 2_000, chunk: int = 200) -> None:
    """Print what vectors add to storing scored cases."""
    with tempfile.TemporaryDirectory() as folder, database_url(kind, Path(folder)) as url:
        store = open_store(url, create=True)
        vectors = unit_vectors(count, 3)
        plain = with_vectors = 0.0
        for start in range(0, count, chunk):
            begun = time.perf_counter()
            with store.transaction() as session:
                system = register_bundle(session, bundle())
                numbers = []
                for n in range(start, start + chunk):
                    numbers.append(add_case(session, case(f"c{n}")))
                    add_prediction(session, numbers[-1], system, opinion())
                middle = time.perf_counter()
                add_features(session, system, dict(zip(numbers, vectors[start:], strict=False)))
                with_vectors += time.perf_counter() - middle
            plain += middle - begun
        print(
            f"{kind:8}  storing {count:,} cases {plain:.2f} s, their vectors {with_vectors:.3f} s"
        )
        store.close()


def main(count: int = 100_000, kinds: tuple[str, ...] = ("sqlite",)) -> None:
    """Print the figures of each kind of database."""
    assert LabelledVectors(1).most_bytes >= 4 * DIMENSION * count
    for kind in kinds:
        search(kind, count)
        storing(kind)


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 100_000,
        tuple(sys.argv[2:]) or ("sqlite", "postgres"),
    )
