"""Whether bundles, promotions, policies of sites and planted cases are those of the events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.ledger.events.learning_events import (
    AliasSet,
    BundleRetired,
    PromotionApproved,
    PromotionProposed,
    PromotionRejected,
)
from triage.ledger.events.model_events import BundleRegistered, BundleWithdrawn, ChampionSet
from triage.ledger.events.review_events import CasePlanted, PolicySet, exact_numbers
from triage.store.learning_tables import PromotionRow
from triage.store.tables import Bundle, PlantedCase, SitePolicyRow
from triage.store.typed_events import typed_events
from triage.vocabulary.bundle_aliases import CHAMPION
from triage.vocabulary.event_types import EventType


def bundle_findings(session: Session) -> list[str]:
    """Compare which bundles there are, their aliases and states, with their events."""
    stated: dict[str, dict[str, Any]] = {}

    def of(digest: str) -> dict[str, Any]:
        return stated.setdefault(digest, {"alias": None, "withdrawn": False, "retired": False})

    def name(alias: str, digest: str | None) -> None:
        for facts in stated.values():
            if facts["alias"] == alias:
                facts["alias"] = None
        if digest is not None:
            of(digest)["alias"] = alias

    for _, _, _, event in typed_events(session, *_OF_BUNDLES):
        match event:
            case BundleRegistered():
                of(event.bundle)
            case ChampionSet():
                name(CHAMPION, event.bundle)
            case AliasSet():
                name(event.alias, event.bundle)
            case BundleWithdrawn():
                of(event.bundle).update(alias=None, withdrawn=True)
            case BundleRetired():
                of(event.bundle).update(alias=None, retired=True)
    stored = {
        row.digest: {
            "alias": row.alias,
            "withdrawn": row.withdrawn_at is not None,
            "retired": row.retired_at is not None,
        }
        for row in session.scalars(select(Bundle))
    }
    return list(_differences("bundle", stated, stored))


_OF_BUNDLES = (
    EventType.BUNDLE_REGISTERED,
    EventType.CHAMPION_SET,
    EventType.ALIAS_SET,
    EventType.BUNDLE_WITHDRAWN,
    EventType.BUNDLE_RETIRED,
)


def promotion_findings(session: Session) -> list[str]:
    """Compare the proposals of bundles, and what was answered, with their events."""
    stated: dict[str, dict[str, Any]] = {}
    for _, actor, _, event in typed_events(session, *_OF_PROMOTIONS):
        match event:
            case PromotionProposed():
                stated[str(event.promotion)] = {
                    "kind": event.promotion_kind,
                    "bundle": event.bundle,
                    "former": event.former,
                    "gate_run": event.gate_run,
                    "reason": event.reason,
                    "proposed_by": actor,
                    "approved_by": None,
                    "rejected_by": None,
                    "signed_off": False,
                    "answer": None,
                }
            case PromotionApproved():
                stated.setdefault(str(event.promotion), {}).update(
                    approved_by=actor, signed_off=event.signed_off, answer=event.answer
                )
            case PromotionRejected():
                stated.setdefault(str(event.promotion), {}).update(
                    rejected_by=actor, answer=event.answer
                )
    stored = {
        str(row.id): {
            "kind": row.kind,
            "bundle": row.bundle.digest,
            "former": row.former.digest if row.former else None,
            "gate_run": row.gate_run_id,
            "reason": row.reason,
            "proposed_by": row.proposed_by,
            "approved_by": row.approved_by if row.approved_at else None,
            "rejected_by": row.rejected_by if row.rejected_at else None,
            "signed_off": row.signed_off,
            "answer": row.answer,
        }
        for row in session.scalars(select(PromotionRow))
    }
    return list(_differences("promotion", stated, stored))


_OF_PROMOTIONS = (
    EventType.PROMOTION_PROPOSED,
    EventType.PROMOTION_APPROVED,
    EventType.PROMOTION_REJECTED,
)


def policy_findings(session: Session) -> list[str]:
    """Compare the policies of sites with their events."""
    stated: dict[str, dict[str, Any]] = {}
    for _, _, _, event in typed_events(session, EventType.POLICY_SET):
        if isinstance(event, PolicySet):
            stated[event.site] = {"policy": event.policy}
    stored = {
        row.site: {"policy": exact_numbers(row.policy)}
        for row in session.scalars(select(SitePolicyRow))
    }
    return list(_differences("policy", stated, stored))


def planted_findings(session: Session) -> list[str]:
    """Compare the planted cases with their events."""
    stated = {}
    for _, _, case_id, event in typed_events(session, EventType.CASE_PLANTED):
        if isinstance(event, CasePlanted):
            stated[str(case_id)] = {
                "conditions": list(event.conditions),
                "urgency": event.urgency,
                "prediction_id": event.prediction,
            }
    stored = {
        str(row.case_id): {
            "conditions": row.conditions,
            "urgency": row.urgency,
            "prediction_id": row.prediction_id,
        }
        for row in session.scalars(select(PlantedCase))
    }
    return list(_differences("planted case", stated, stored))


def _differences(
    what: str, stated: Mapping[str, Mapping[str, Any]], stored: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """Lines that name the place of a row among the others; names of sites are not quoted."""
    for place, (name, facts) in enumerate(sorted(stated.items()), start=1):
        row = stored.get(name)
        if row is None:
            yield f"{what} {place} of {len(stated)}: is missing, and events state it"
            continue
        for column, value in facts.items():
            if row[column] != value:
                yield f"{what} {place} of {len(stated)}: {column} is not what its events state"
    extra = len(stored.keys() - stated.keys())
    if extra:
        yield f"{what}: no event states {extra} of them"
