"""Vectors of labelled cases of one bundle, kept in memory and searched by cosine distance."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import CompoundSelect, SelectBase, func, select, union
from sqlalchemy.orm import Session

from triage.review.labelled_cases import CLOSED, LabelledCase, labelled_cases
from triage.store import Store
from triage.store.features import VECTOR_COLUMNS, vectors_of_rows
from triage.store.tables import Case, CaseFeatures, Label, Signature

MOST_BYTES = 512 << 20
"""Of the vectors of one bundle; beyond, the cases that came first are no longer compared."""
MOST_BUNDLES = 2
"""Whose vectors are kept of one database: that in use, and the one before it."""
_OVERLAP = 200
"""Rows that are looked at again: of two writers the one with the lower number may end later."""
_READ_AT_ONCE = 2_000
"""Vectors."""
_FEW = 5_000
"""Cases that are named one by one in a query."""
_SAMPLE = 400
"""Labelled cases whose pairs give the scale of distances."""
LEAST_PAIRS = 100
"""Pairs from which shares of them are told, in whole percent."""
_SEED = 17
_KEPT: WeakKeyDictionary[Store, OrderedDict[int, LabelledVectors]] = WeakKeyDictionary()
_KEEPING = threading.Lock()


@dataclass(frozen=True, slots=True)
class _Marks:
    """Highest number of each table of which something was read."""

    label: int = 0
    signature: int = 0
    features: int = 0


@dataclass(frozen=True, slots=True)
class DistanceScale:
    """Distances between labelled cases of different conditions and patients, to compare with.

    Parameters
    ----------
    distances : float32 array [P]
        Ascending.
    """

    distances: NDArray[np.float32]

    def share_as_near(self, distance: float) -> float | None:
        """Return the share of these pairs that are at most so far apart; None of too few pairs."""
        if len(self.distances) < LEAST_PAIRS:
            return None
        nearer = np.searchsorted(self.distances, np.float32(distance), side="right")
        return float(nearer) / len(self.distances)


class LabelledVectors:
    """The vectors that one bundle gave to labelled cases, as one matrix that grows.

    Parameters
    ----------
    bundle_id : int
    most_bytes : int
        Limit on the matrix.
    """

    def __init__(self, bundle_id: int, most_bytes: int = MOST_BYTES) -> None:
        self.bundle_id = bundle_id
        self.most_bytes = most_bytes
        self._lock = threading.Lock()
        self._marks = _Marks()
        self._matrix = np.empty((0, 0), np.float32)
        self._cases: list[LabelledCase | None] = []
        self._rows: dict[int, int] = {}
        self._next = 0
        self._scale: tuple[int, DistanceScale] = (0, DistanceScale(np.empty(0, np.float32)))

    def __len__(self) -> int:
        """How many cases can be found."""
        return len(self._rows)

    def update(self, session: Session) -> None:
        """Read what labels, signatures and vectors were added since the last time."""
        with self._lock:
            marks = self._present(session)
            if marks == self._marks:
                return
            changed: SelectBase | set[int] = self._changed()
            found = set(session.scalars(self._changed())) if self._rows else set()
            if 0 < len(found) <= _FEW:
                changed = found
            labelled = labelled_cases(session, changed)
            self._bring_up_to_date(found, labelled)
            if labelled.keys() - self._rows.keys():
                for case_ids, vectors in self._vectors(session, changed, labelled.keys()):
                    self._add([labelled[case_id] for case_id in case_ids], vectors)
            self._marks = marks

    def _bring_up_to_date(self, changed: set[int], labelled: dict[int, LabelledCase]) -> None:
        for case_id in changed & self._rows.keys():
            if case_id in labelled:
                self._cases[self._rows[case_id]] = labelled[case_id]
            else:
                self._cases[self._rows.pop(case_id)] = None

    def nearest(
        self, vector: NDArray[np.float32], left_out: Collection[int]
    ) -> Iterator[tuple[LabelledCase, float]]:
        """Yield cases and their cosine distance from a vector, the nearest first.

        The cosine distance of two vectors of length 1 is 1 - x.y, between 0 and 2.

        Parameters
        ----------
        vector : float32 array [D]
            Of length 1.
        left_out : collection of int
            Numbers of patients.
        """
        with self._lock:
            if vector.size != self._matrix.shape[1]:
                return
            cases = list(self._cases)
            distances = 1 - self._matrix[: len(cases)] @ vector
        given: set[int] = set()
        size = 64
        while len(given) < len(distances):
            size = min(8 * size, len(distances))
            order = np.argpartition(distances, size - 1)[:size]
            for row in order[np.lexsort((order, distances[order]))].tolist():
                if row in given:
                    continue
                given.add(row)
                case = cases[row]
                if case is not None and case.patient_id not in left_out:
                    yield case, float(np.clip(distances[row], 0, 2))

    def scale(self) -> DistanceScale:
        """Distances between labelled cases of different conditions, of a sample of them."""
        with self._lock:
            known, scale = self._scale
            # Of many cases the scale hardly moves; of few it is soon made.
            if abs(len(self._rows) - known) > known // 10:
                scale = self._sampled()
                self._scale = len(self._rows), scale
            return scale

    def _sampled(self) -> DistanceScale:
        rows = np.sort(np.fromiter(self._rows.values(), np.int64, len(self._rows)))
        if len(rows) > _SAMPLE:
            rows = np.sort(np.random.default_rng(_SEED).choice(rows, _SAMPLE, replace=False))
        cases = [case for row in rows.tolist() if (case := self._cases[row]) is not None]
        vectors = self._matrix[rows]
        one, other = np.triu_indices(len(rows), 1)
        patients = np.array([case.patient_id for case in cases], np.int64)
        named = [frozenset(case.conditions) for case in cases]
        apart = np.array(
            [named[i].isdisjoint(named[j]) for i, j in zip(one, other, strict=True)], dtype=bool
        )
        kept = apart & (patients[one] != patients[other])
        distances = 1 - (vectors @ vectors.T)[one[kept], other[kept]]
        return DistanceScale(np.sort(distances.astype(np.float32)))

    def _present(self, session: Session) -> _Marks:
        of_bundle = CaseFeatures.bundle_id == self.bundle_id
        highest = (
            select(func.max(Label.id)),
            select(func.max(Signature.id)),
            select(func.max(CaseFeatures.id)).where(of_bundle),
        )
        return _Marks(*(session.scalar(query) or 0 for query in highest))

    def _changed(self) -> CompoundSelect[int]:
        """Cases with a label, a signature or a vector that is new."""
        marks = self._marks
        return union(
            select(Label.case_id).where(Label.id > marks.label - _OVERLAP),
            select(Signature.case_id).where(Signature.id > marks.signature - _OVERLAP),
            select(CaseFeatures.case_id).where(
                CaseFeatures.bundle_id == self.bundle_id,
                CaseFeatures.id > marks.features - _OVERLAP,
            ),
        )

    def _vectors(
        self, session: Session, changed: SelectBase | set[int], wanted: Collection[int]
    ) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        rows = session.execute(
            select(*VECTOR_COLUMNS)
            .join(Case, CaseFeatures.case_id == Case.id)
            .where(
                CaseFeatures.bundle_id == self.bundle_id,
                Case.state.in_(CLOSED),
                CaseFeatures.case_id.in_(changed),
            )
            .order_by(CaseFeatures.id)
            .execution_options(yield_per=_READ_AT_ONCE)
        )
        for part in rows.partitions():
            new = [row for row in part if row.case_id in wanted and row.case_id not in self._rows]
            if new:
                yield vectors_of_rows(new, self._matrix.shape[1] or new[0].dimension)

    def _add(self, cases: list[LabelledCase], vectors: NDArray[np.float32]) -> None:
        """Put cases into the next rows; once the limit is reached into those of the first ones."""
        width = vectors.shape[1]
        most = max(1, self.most_bytes // (4 * width))
        needed = min(most, self._next + len(cases))
        if needed > len(self._matrix):
            # Where it grows, by half of itself, so that adding many one by one copies few.
            larger = np.empty(
                (min(most, max(needed, len(self._matrix) * 3 // 2)), width), np.float32
            )
            if self._cases:
                larger[: len(self._cases)] = self._matrix[: len(self._cases)]
            self._matrix = larger
        for case, vector in zip(cases, vectors, strict=True):
            row = self._next % most
            if row < len(self._cases):
                if (former := self._cases[row]) is not None:
                    del self._rows[former.case_id]
                self._cases[row] = case
            else:
                self._cases.append(case)
            self._matrix[row] = vector
            self._rows[case.case_id] = row
            self._next += 1


def labelled_vectors(store: Store, bundle_id: int) -> LabelledVectors:
    """Return the vectors of a bundle's labelled cases that are kept for an open database."""
    with _KEEPING:
        of_store = _KEPT.setdefault(store, OrderedDict())
        found = of_store.setdefault(bundle_id, LabelledVectors(bundle_id))
        of_store.move_to_end(bundle_id)
        while len(of_store) > MOST_BUNDLES:
            of_store.popitem(last=False)
        return found
