"""Putting another bundle in use: one account proposes it, another approves or rejects it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.accounts import Action, Actor
from triage.ledger.events.learning_events import (
    PromotionApproved,
    PromotionProposed,
    PromotionRejected,
)
from triage.model_registry.aliases import require_usable, take_alias
from triage.model_registry.bundle_files import verified_manifest
from triage.model_registry.bundle_rows import bundle_row, bundle_with_alias
from triage.model_registry.gate_standing import GateStanding, gate_standing, newest_gate_run
from triage.model_registry.people import is_same_person, require_account, require_any
from triage.model_registry.refusals import RegistryRefused, given_text
from triage.store.base import utc_now
from triage.store.bundles import set_champion
from triage.store.learning_tables import PromotionRow
from triage.store.ledger import append_event
from triage.store.tables import Bundle
from triage.store.worklist_order import hold_order
from triage.vocabulary.bundle_aliases import CHAMPION
from triage.vocabulary.learning import GateVerdict, PromotionKind

_FAILED = "Nobody can approve what the gate refuses; train another challenger."
_AGAIN = "Have the gate judge it against the bundle in use, then propose it again."


@dataclass(frozen=True, slots=True)
class Promoted:
    """What an approval or a rollback did: the row of `promotion`, and both digests."""

    promotion: int
    bundle: str
    former: str | None


def propose(
    session: Session, digest: str, *, reason: str, gate_run: int | None = None, actor: Actor
) -> int:
    """Propose that a bundle comes into use, and return the number of the proposal.

    Parameters
    ----------
    session : Session
        An open transaction.
    digest : str
    reason : str
    gate_run : int, optional
        Row of `gate_run`; by default the last one of this bundle against the one in use.
    actor : Actor
        An account with the permission `change_models`.

    Raises
    ------
    RegistryRefused
        If there are no accounts; the bundle is in use, withdrawn, retired or proposed already; or
        the gate rules it out: it fails, judged another pair of bundles, or was not run.
    BundleError
        If its files are missing or altered.
    StoreError
        If it is not registered.
    PermissionDenied, UsageError
    """
    require_account(session, actor)
    require_any(session, actor, Action.CHANGE_MODELS)
    why = given_text(reason, "reason")
    found = bundle_row(session, digest)
    verified_manifest(found.path, found.digest)
    hold_order(session)
    row = bundle_row(session, digest, for_update=True)
    require_usable(row)
    if row.alias == CHAMPION:
        raise RegistryRefused("The bundle is in use already.", where=row.digest[:12])
    _refuse_second(session, row)
    former = bundle_with_alias(session, CHAMPION)
    former_id = former.id if former else None
    chosen = newest_gate_run(session, row.id, former_id) if gate_run is None else gate_run
    standing = _allowed(gate_standing(session, chosen, row.id, former_id))
    kind = PromotionKind.PROMOTE if former else PromotionKind.FIRST
    promotion = PromotionRow(
        kind=kind,
        bundle_id=row.id,
        former_id=former_id,
        gate_run_id=standing.gate_run,
        reason=why,
        proposed_by=actor.name,
        proposed_at=utc_now(),
    )
    session.add(promotion)
    session.flush()
    append_event(
        session,
        PromotionProposed(
            promotion.id,
            kind,
            row.digest,
            former.digest if former else None,
            standing.verdict,
            standing.gate_run,
            why,
        ),
        actor=actor.name,
        at=promotion.proposed_at,
    )
    return promotion.id


def approve(
    session: Session, promotion: int, *, actor: Actor, answer: str, sign_off: bool = False
) -> Promoted:
    """Approve a proposal: the bundle comes into use, in this transaction or not at all.

    Parameters
    ----------
    session : Session
    promotion : int
    actor : Actor
        Another account than the one that proposed it, with the permission `approve_models`.
    answer : str
        Why it is approved.
    sign_off : bool
        Accept, by name, that the gate had not enough evidence, or a new urgent miss on the frozen
        set. A gate that fails for another reason can be accepted by nobody.

    Raises
    ------
    RegistryRefused
        If the proposal is not open, the same account proposed it, a sign-off is needed, or it is
        stale: another bundle came into use, or the bundle was withdrawn or retired.
    BundleError
        If the bundle's files are missing or altered.
    PermissionDenied, UsageError, StoreError
    """
    require_account(session, actor)
    require_any(session, actor, Action.APPROVE_MODELS)
    said = given_text(answer, "answer")
    named = session.get(PromotionRow, promotion)
    if named is not None:
        verified_manifest(named.bundle.path, named.bundle.digest)  # before anybody has to wait
    hold_order(session)
    row = _open(session, promotion)
    if is_same_person(row.proposed_by, actor.name):
        raise RegistryRefused(
            "The account that proposed a bundle cannot approve it.", hint="Ask another person."
        )
    former = bundle_with_alias(session, CHAMPION, for_update=True)
    refusal, standing = reasons_against(session, row, former)
    if refusal:
        raise RegistryRefused(f"It cannot be approved: {refusal}.", hint=_AGAIN)
    if standing.sign_off_for and not sign_off:
        raise RegistryRefused(
            f"It needs a named sign-off: {standing.sign_off_for}.",
            hint="Approve with --sign-off to accept this under your name.",
        )
    signed_off = bool(standing.sign_off_for)
    bundle = row.bundle
    row.signed_off, row.answer = signed_off, said
    row.approved_by, row.approved_at = actor.name, utc_now()
    session.flush()
    append_event(
        session,
        PromotionApproved(row.id, signed_off, said),
        actor=actor.name,
        at=row.approved_at,
    )
    put_in_use(session, bundle, actor.name)
    return Promoted(row.id, bundle.digest, former.digest if former else None)


def reject(session: Session, promotion: int, *, actor: Actor, answer: str) -> None:
    """Reject a proposal; its author may withdraw it so.

    Raises
    ------
    RegistryRefused
        If it is not open.
    PermissionDenied
        If the actor neither proposed it nor may approve models.
    UsageError, StoreError
    """
    require_account(session, actor)
    require_any(session, actor, Action.APPROVE_MODELS, Action.CHANGE_MODELS)
    said = given_text(answer, "answer")
    hold_order(session)
    row = _open(session, promotion)
    if not is_same_person(row.proposed_by, actor.name):
        require_any(session, actor, Action.APPROVE_MODELS)
    row.rejected_by, row.rejected_at, row.answer = actor.name, utc_now(), said
    session.flush()
    append_event(session, PromotionRejected(row.id, said), actor=actor.name, at=row.rejected_at)


def reasons_against(
    session: Session, row: PromotionRow, champion: Bundle | None
) -> tuple[str, GateStanding]:
    """Return why a proposal cannot be approved as things stand ('' if it can), and its gate run.

    Files are not looked at.

    Parameters
    ----------
    session : Session
    row : PromotionRow
    champion : Bundle or None
        The bundle in use now.
    """
    now = champion.id if champion else None
    standing = gate_standing(session, row.gate_run_id, row.bundle_id, now)
    if row.former_id != now:
        return "another bundle came into use since it was proposed", standing
    if row.bundle.withdrawn_at is not None:
        return "the bundle was withdrawn", standing
    if row.bundle.retired_at is not None:
        return "the bundle was retired", standing
    return standing.refusal, standing


def put_in_use(session: Session, row: Bundle, actor: str) -> None:
    """Give a bundle the alias of the champion; the caller has taken the lock of `hold_order`."""
    take_alias(session, row, actor)
    set_champion(session, row.id, actor=actor)


def _allowed(standing: GateStanding) -> GateStanding:
    if standing.refusal:
        failed = standing.verdict is GateVerdict.FAILS
        hint = _FAILED if failed else _AGAIN
        raise RegistryRefused(f"It cannot be proposed: {standing.refusal}.", hint=hint)
    return standing


def _refuse_second(session: Session, row: Bundle) -> None:
    """Refuse a proposal of a bundle of which one is open that could still be approved."""
    other = session.scalar(
        select(PromotionRow)
        .where(
            PromotionRow.bundle_id == row.id,
            PromotionRow.approved_at.is_(None),
            PromotionRow.rejected_at.is_(None),
        )
        .order_by(PromotionRow.id.desc())
        .limit(1)
    )
    champion = bundle_with_alias(session, CHAMPION)
    if other is not None and not reasons_against(session, other, champion)[0]:
        raise RegistryRefused(
            f"The bundle is proposed already, as number {other.id}.",
            hint="It waits for another account to approve or reject it.",
        )


def _open(session: Session, promotion: int) -> PromotionRow:
    row = session.scalar(
        select(PromotionRow)
        .where(PromotionRow.id == promotion)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise RegistryRefused("There is no such proposal.", where=f"proposal {promotion}")
    if row.approved_at is not None or row.rejected_at is not None:
        done = "approved" if row.approved_at is not None else "rejected"
        raise RegistryRefused(f"It was {done} before.", where=f"proposal {promotion}")
    session.refresh(row.bundle)
    return row
