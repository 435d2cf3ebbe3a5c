"""Verification of a hash chain of events against itself and against signed checkpoints.

Each row is composed to its canonical text anew, so that a change of any column, of the text or of
the hash is found. The rows are read once, in the order of their numbers, and not kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from triage.ledger.canonical import (
    FIRST_PREVIOUS,
    CanonicalTextError,
    canonical_text,
    event_text,
)
from triage.ledger.checkpoints import Checkpoint, CheckpointFile
from triage.ledger.findings import Finding, FindingKind, Findings
from triage.ledger.merkle import MerkleTree
from triage.ledger.trust import Trusted, trusted_checkpoints
from triage.vocabulary.event_types import EventType

CLOCK_TOLERANCE_S = 60.0
"""By how many seconds an event may be before its predecessor; our own default. Transactions that
overlap append their events in the order of their commits."""

UNSEEN_WITHOUT_CHECKPOINTS = (
    "that all events were rewritten, with the right hashes",
    "that the last events were cut off",
    "that an older copy of the database was put in its place",
)


_NOT_TEXT = (CanonicalTextError, ValueError, TypeError, AttributeError)
"""What columns raise that hold something else than the software writes."""


class StoredEvent(NamedTuple):
    """One row as it is stored; `at` as `triage.ledger.canonical.time_text` writes it."""

    seq: int
    at: str
    actor: str
    kind: str
    case_id: int | None
    payload: str
    text: str
    hash: str


@dataclass(frozen=True)
class ChainVerification:
    """What the verification of a chain found.

    Parameters
    ----------
    findings : tuple of Finding
        Empty where it is intact.
    counts : dict of int
        Kind of finding to how many there are.
    events : int
    head, root : str
        Hash of the last event and Merkle root of all, in hexadecimal digits.
    ledger : str or None
        Identifier of the ledger.
    trusted : Trusted or None
        The checkpoints that were used; None where none were given.
    notes : tuple of str
        What is no finding, and what the reader of the result has to know.
    """

    findings: tuple[Finding, ...]
    counts: dict[str, int]
    events: int
    head: str
    root: str
    ledger: str | None
    trusted: Trusted | None
    notes: tuple[str, ...]

    @property
    def intact(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def unsealed(self) -> int:
        """Events after the last checkpoint that counts."""
        seqs = [each.seq for each in self.trusted.checkpoints] if self.trusted else []
        return max(0, self.events - max(seqs, default=0))

    @property
    def unseen(self) -> tuple[str, ...]:
        """Attacks that could not be seen, because there were no checkpoints to compare with."""
        if self.trusted is not None and self.trusted.checkpoints:
            return ()
        return UNSEEN_WITHOUT_CHECKPOINTS


def verify_chain(
    rows: Iterable[tuple[Any, ...]],
    checkpoints: CheckpointFile | None = None,
    *,
    trusted_keys: frozenset[str] | None = None,
    findings: Findings | None = None,
    clock_tolerance_s: float | None = CLOCK_TOLERANCE_S,
) -> ChainVerification:
    """Verify a chain of events.

    Parameters
    ----------
    rows : iterable of tuple
        The columns of `StoredEvent`, in ascending order of `seq`.
    checkpoints : CheckpointFile, optional
        Without it some attacks cannot be seen, see `ChainVerification.unseen`.
    trusted_keys : frozenset of str, optional
        Public keys; without them the first in the file is trusted.
    findings : Findings, optional
        Where to add what is found.
    clock_tolerance_s : float or None
        By how many seconds an event may be before its predecessor; None for any.
    """
    found = Findings() if findings is None else findings
    file = checkpoints or CheckpointFile()
    chain = _Chain(found, {each.seq for each in file.checkpoints}, clock_tolerance_s)
    chain.read(rows)
    if chain.begun is None:
        found.add(
            FindingKind.NO_BEGINNING,
            "There is no event ledger_begun, which names the ledger.",
        )
    trusted = None
    notes = []
    if checkpoints is not None:
        trusted = trusted_checkpoints(file, chain.ledger, found, trusted_keys)
        notes.append(trusted.statement)
        _compare(chain, trusted.checkpoints, found)
        notes += [
            f"Line {line} of the checkpoints has no end, as a crash during writing leaves it."
            for line in file.cut_lines
        ]
    notes += _judge_clock(chain, trusted, found, clock_tolerance_s)
    return ChainVerification(
        findings=found.listed(),
        counts={kind.value: count for kind, count in found.counts.items()},
        events=chain.tree.size,
        head=chain.previous,
        root=chain.tree.root().hex(),
        ledger=chain.ledger,
        trusted=trusted,
        notes=tuple(notes),
    )


class _Chain:
    """Reads the rows of a chain."""

    def __init__(self, findings: Findings, sizes: set[int], tolerance_s: float | None) -> None:
        self.tree = MerkleTree()
        self.previous = FIRST_PREVIOUS
        self.last = 0
        self.begun: int | None = None
        self.ledger: str | None = None
        self.at_sizes: dict[int, tuple[str, str]] = {}
        self.set_back: list[tuple[int, float]] = []
        self.earliest: dict[int, tuple[str, int]] = {}
        self._findings = findings
        self._sizes = sizes
        self._tolerance_s = tolerance_s
        self._last_at = ""
        self._since, self._least = 0, ""  # before the first checkpoint none is looked for

    def read(self, rows: Iterable[tuple[Any, ...]]) -> None:
        for row in rows:
            seq, at, actor, kind, case_id, payload, text, stored = row
            try:
                composed = event_text(
                    seq=seq, at=at, actor=actor, kind=kind, case_id=case_id, payload=payload,
                    previous=self.previous,
                )  # fmt: skip
                data = text.encode()
                good = composed == text and sha256(data).hexdigest() == stored
                good = good and _is_time(at)
            except _NOT_TEXT:
                good, data = False, repr(row).encode(errors="replace")
            if not good or seq != self.last + 1:
                self._explain(StoredEvent(*row))
            self.tree.append(data)
            self.previous = stored
            self.last = seq
            if seq in self._sizes:
                self.at_sizes[seq] = (stored, self.tree.root().hex())
            moment = str(at)
            if kind == EventType.LEDGER_BEGUN:
                self._begin(seq, payload)
            else:
                if moment < self._last_at:
                    self._note_time(seq, moment)
                if moment < self._least:
                    self._least = moment
                    self.earliest[self._since] = (moment, seq)
            self._last_at = moment
            if seq in self._sizes:
                self._since, self._least = seq, _LATEST

    def _begin(self, seq: int, payload: str) -> None:
        if self.begun is not None:
            self._findings.add(
                FindingKind.NO_BEGINNING, f"Event {seq} begins the ledger a second time."
            )
            return
        self.begun = seq
        self.set_back.clear()  # of events of earlier releases: they were chained as they were found
        try:
            content = json.loads(payload)
            self.ledger = str(content["ledger"])
            earlier = content["earlier_events"]
        except (ValueError, KeyError, TypeError, RecursionError):
            earlier = None
        if earlier != seq - 1:
            self._findings.add(
                FindingKind.NO_BEGINNING,
                f"Event {seq} does not state the number of events before it.",
            )

    def _note_time(self, seq: int, at: str) -> None:
        if self._tolerance_s is None:
            return
        try:
            seconds = (_moment(self._last_at) - _moment(at)).total_seconds()
        except ValueError:
            return  # found as edited
        if seconds > self._tolerance_s:
            self.set_back.append((seq, seconds))

    def _explain(self, row: StoredEvent) -> None:
        """Say in which ways a row is wrong."""
        explained = False
        expected = self.last + 1
        if row.seq != expected:
            explained = True
            missing = f"event {expected} is" if row.seq == expected + 1 else (
                f"events {expected} to {row.seq - 1} are"
            )  # fmt: skip
            what = f"Before event {row.seq}, {missing} missing."
            if row.seq <= self.last:
                what = f"Event {row.seq} has a number that is below 1 or occurs twice."
            self._findings.add(FindingKind.GAP, what)
        try:
            stated = json.loads(row.text)
            original = canonical_text(stated) == row.text and set(stated) == _MEMBERS
        except (*_NOT_TEXT, RecursionError):
            original = False
        if not original:
            self._findings.add(
                FindingKind.EDITED, f"The text of event {row.seq} was edited: it is not canonical."
            )
            return
        if stated["seq"] != row.seq:
            explained = True
            self._findings.add(
                FindingKind.REORDERED,
                f"Event {row.seq} is in the place of another: its text is that of event "
                f"{stated['seq']}.",
            )
        if different := _differing(row, stated):
            explained = True
            self._findings.add(
                FindingKind.EDITED,
                f"Event {row.seq} was edited: its text states another {', '.join(different)}.",
            )
        if not _is_time(row.at):
            explained = True
            self._findings.add(
                FindingKind.EDITED, f"Event {row.seq} has a time that the software does not write."
            )
        if sha256(row.text.encode()).hexdigest() != row.hash:
            explained = True
            self._findings.add(
                FindingKind.EDITED, f"The text or the hash of event {row.seq} was edited."
            )
        if stated["previous"] != self.previous or not explained:
            self._findings.add(
                FindingKind.BROKEN_CHAIN,
                f"Event {row.seq} does not continue the chain: it names another event before it.",
            )


_LATEST = "9999-12-31T23:59:59.999999Z"
_TIME_LENGTH = len("YYYY-MM-DDTHH:MM:SS.ffffffZ")
_MEMBERS = {"actor", "at", "case", "kind", "payload", "previous", "seq"}


def _differing(row: StoredEvent, stated: dict[str, Any]) -> list[str]:
    """Names of the columns that are not what the text states."""
    columns = {"actor": row.actor, "at": row.at, "case": row.case_id, "kind": row.kind}
    names = [
        name
        for name, value in columns.items()
        if stated[name] != value or type(stated[name]) is not type(value)
    ]
    if row.payload != canonical_text(stated["payload"]):
        names.append("payload")
    return names


def _moment(at: str) -> datetime:
    return datetime.fromisoformat(at)


def _is_time(at: str) -> bool:
    """Whether a text is a moment as `time_text` writes it."""
    if type(at) is not str:
        return False
    try:
        datetime.fromisoformat(at)
    except ValueError:
        return False
    return len(at) == _TIME_LENGTH and at.endswith("Z") and at[10] == "T"


def _compare(chain: _Chain, checkpoints: tuple[Checkpoint, ...], findings: Findings) -> None:
    """Compare the events with what checkpoints state of them."""
    for each in checkpoints:
        if each.seq > chain.last:
            findings.add(
                FindingKind.EVENTS_MISSING,
                f"The checkpoint of {each.at} states {each.seq} events, and the last one here is "
                f"{chain.last}: the end was cut off, or an older database was put back.",
            )
        elif chain.at_sizes.get(each.seq) != (each.head, each.root):
            findings.add(
                FindingKind.REWRITTEN,
                f"The events up to {each.seq} are not those of the checkpoint of {each.at}: they "
                "were changed after it.",
            )


def _judge_clock(
    chain: _Chain, trusted: Trusted | None, findings: Findings, tolerance_s: float | None
) -> list[str]:
    """Add times that are set back to the findings, unless who signed has accepted them."""
    checkpoints = trusted.checkpoints if trusted else ()
    accepted = max((each.clock_accepted for each in checkpoints), default=0)
    for seq, seconds in chain.set_back:
        if seq > accepted:
            findings.add(
                FindingKind.CLOCK_SET_BACK,
                f"The time of event {seq} is {seconds:.0f} s before that of the event before it: "
                "the clock was set back.",
            )
    if tolerance_s is not None:
        _compare_times(chain, checkpoints, accepted, findings, tolerance_s)
    known = sum(seq <= accepted for seq, _ in chain.set_back)
    return [f"{known} times that are set back were accepted with a checkpoint."] if known else []


def _compare_times(
    chain: _Chain,
    checkpoints: tuple[Checkpoint, ...],
    accepted: int,
    findings: Findings,
    tolerance_s: float,
) -> None:
    """Find events that were appended after a checkpoint and state a time before it."""
    earliest: tuple[str, int] | None = None
    found: set[int] = set()
    of_sizes = {each.seq: each for each in sorted(checkpoints, key=lambda each: each.at)}
    for size in sorted(of_sizes.keys() | chain.earliest.keys(), reverse=True):
        since = chain.earliest.get(size)
        # Of events before `accepted`, who signed knows the times.
        if since is not None and size >= accepted and (earliest is None or since < earliest):
            earliest = since
        checkpoint = of_sizes.get(size)
        if checkpoint is None or earliest is None:
            continue
        at, seq = earliest
        try:
            seconds = (_moment(checkpoint.at) - _moment(at)).total_seconds()
        except ValueError:
            continue  # found as edited
        if seconds > tolerance_s and seq not in found:
            found.add(seq)
            findings.add(
                FindingKind.CLOCK_SET_BACK,
                f"Event {seq} was appended after the checkpoint of {checkpoint.at}, and its time "
                f"is {seconds:.0f} s before it.",
            )
