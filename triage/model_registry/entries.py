"""The registry as a list: bundles with what is known of each, and proposals with their state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from triage.errors import TriageError
from triage.gating.readiness import readiness, readiness_facts
from triage.gating.result import GateResult
from triage.model_registry.bundle_files import signature_words, verified_manifest
from triage.model_registry.bundle_rows import bundle_with_alias, dataset_versions, registered_rows
from triage.model_registry.proposals import reasons_against
from triage.model_registry.rollback import former_champions
from triage.store.learning_tables import PromotionRow
from triage.store.tables import Bundle, Prediction
from triage.vocabulary.bundle_aliases import CHAMPION
from triage.vocabulary.readiness import LEVEL_WORDS


@dataclass(frozen=True, slots=True)
class RegistryEntry:
    """A bundle of the registry.

    Parameters
    ----------
    digest, name, path : str
    alias : str or None
    registered_at : datetime
    withdrawn_at, retired_at : datetime or None
    verdict : str or None
        Of the last gate run that judged it.
    gate_run : int or None
    dataset_version : str or None
        Merkle root of the version that it was trained on, if the database knows it.
    readiness : str
        In words, see `triage.gating.readiness`.
    ready_for_rollback : bool
    cases : int
        Cases that it has scored for readers.
    files : str
        'verified', '' where they were not looked at, else what is wrong with them, with the file's
        name.
    signature : str
        Who signed it, '' where nobody did; whether that key is trusted is told by `files`.
    """

    digest: str
    name: str
    path: str
    alias: str | None
    registered_at: datetime
    withdrawn_at: datetime | None
    retired_at: datetime | None
    verdict: str | None
    gate_run: int | None
    dataset_version: str | None
    readiness: str
    ready_for_rollback: bool
    cases: int
    files: str
    signature: str

    @property
    def state(self) -> str:
        """The alias, else 'withdrawn', 'retired' or 'registered'."""
        if self.withdrawn_at is not None:
            return "withdrawn"
        if self.retired_at is not None:
            return "retired"
        return self.alias or "registered"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal, a rollback, or a promotion that was answered.

    Parameters
    ----------
    number : int
    kind : str
        A `PromotionKind`.
    bundle, bundle_name : str
    former, former_name : str or None
    gate_run : int or None
    result : GateResult or None
        Of the gate run, where it was one of this bundle against the present champion.
    reason, proposed_by : str
    proposed_at : datetime
    state : str
        'open', 'approved' or 'rejected'.
    stale_because : str
        Of an open one: why nobody can approve it; '' if somebody can.
    sign_off_for : str
        Of an open one: what a named sign-off has to accept; '' where none is needed.
    signed_off : bool
    answered_by, answer : str or None
    answered_at : datetime or None
    """

    number: int
    kind: str
    bundle: str
    bundle_name: str
    former: str | None
    former_name: str | None
    gate_run: int | None
    result: GateResult | None
    reason: str
    proposed_by: str
    proposed_at: datetime
    state: str
    stale_because: str
    sign_off_for: str
    signed_off: bool
    answered_by: str | None
    answer: str | None
    answered_at: datetime | None


def registry_list(session: Session, *, verify: bool = True) -> list[RegistryEntry]:
    """Return every bundle: the one in use first, then those with an alias, then the newest first.

    Parameters
    ----------
    session : Session
    verify : bool
        Hash the files of each bundle; else they are not looked at.
    """
    ready = {row.digest for row in former_champions(session)}
    query = select(Prediction.bundle_id, func.count()).group_by(Prediction.bundle_id)
    counted = {row[0]: int(row[1]) for row in session.execute(query)}
    versions = dataset_versions(session)
    found = [
        _entry(session, row, ready, counted.get(row.id, 0), versions.get(row.digest), verify)
        for row in registered_rows(session)
    ]
    return sorted(found, key=lambda one: (one.alias != CHAMPION, one.alias is None))


def proposals(session: Session, *, open_only: bool = False, most: int = 100) -> list[Proposal]:
    """Return proposals and rollbacks, the newest first."""
    query = select(PromotionRow).order_by(PromotionRow.id.desc()).limit(most)
    if open_only:
        query = query.where(PromotionRow.approved_at.is_(None), PromotionRow.rejected_at.is_(None))
    champion = bundle_with_alias(session, CHAMPION)
    return [_proposal(session, row, champion) for row in session.scalars(query)]


def proposal_of(session: Session, number: int) -> Proposal | None:
    """Return one proposal, None if there is none of that number."""
    row = session.get(PromotionRow, number)
    return None if row is None else _proposal(session, row, bundle_with_alias(session, CHAMPION))


def _entry(
    session: Session, row: Bundle, ready: set[str], cases: int, version: str | None, verify: bool
) -> RegistryEntry:
    facts = readiness_facts(session, row.digest)
    return RegistryEntry(
        digest=row.digest,
        name=row.name,
        path=row.path,
        alias=row.alias,
        registered_at=row.created_at,
        withdrawn_at=row.withdrawn_at,
        retired_at=row.retired_at,
        verdict=None if facts.verdict is None else facts.verdict.value,
        gate_run=facts.gate_run,
        dataset_version=version,
        readiness=LEVEL_WORDS[readiness(facts).level],
        ready_for_rollback=row.digest in ready,
        cases=cases,
        files=_files(row) if verify else "",
        signature=signature_words(row.path, row.digest),
    )


def _files(row: Bundle) -> str:
    try:
        verified_manifest(row.path, row.digest)
    except TriageError as error:
        return str(error)
    return "verified"


def _proposal(session: Session, row: PromotionRow, champion: Bundle | None) -> Proposal:
    state = "approved" if row.approved_at else "rejected" if row.rejected_at else "open"
    against, needed, result = "", "", None
    if state == "open":
        against, standing = reasons_against(session, row, champion)
        needed, result = standing.sign_off_for, standing.result
    return Proposal(
        number=row.id,
        kind=row.kind,
        bundle=row.bundle.digest,
        bundle_name=row.bundle.name,
        former=row.former.digest if row.former else None,
        former_name=row.former.name if row.former else None,
        gate_run=row.gate_run_id,
        result=result,
        reason=row.reason,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        state=state,
        stale_because=against,
        sign_off_for=needed,
        signed_off=row.signed_off,
        answered_by=row.approved_by or row.rejected_by,
        answer=row.answer,
        answered_at=row.approved_at or row.rejected_at,
    )
