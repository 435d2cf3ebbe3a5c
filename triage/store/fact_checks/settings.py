"""Whether bundles in use, policies of sites and planted cases are those of the events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.ledger.events.model_events import BundleRegistered, BundleWithdrawn, ChampionSet
from triage.ledger.events.review_events import CasePlanted, PolicySet, exact_numbers
from triage.store.tables import Bundle, PlantedCase, SitePolicyRow
from triage.store.typed_events import typed_events
from triage.vocabulary.bundle_aliases import CHAMPION
from triage.vocabulary.event_types import EventType


def bundle_findings(session: Session) -> list[str]:
    """Compare which bundles there are, in use and withdrawn, with their events."""
    stated: dict[str, dict[str, Any]] = {}
    kinds = (EventType.BUNDLE_REGISTERED, EventType.CHAMPION_SET, EventType.BUNDLE_WITHDRAWN)
    for _, _, _, event in typed_events(session, *kinds):
        match event:
            case BundleRegistered():
                stated[event.bundle] = {"alias": None, "withdrawn": False}
            case ChampionSet():
                for facts in stated.values():
                    facts["alias"] = None
                stated.setdefault(event.bundle, {"withdrawn": False})["alias"] = CHAMPION
            case BundleWithdrawn():
                stated.setdefault(event.bundle, {}).update(alias=None, withdrawn=True)
    stored = {
        row.digest: {"alias": row.alias, "withdrawn": row.withdrawn_at is not None}
        for row in session.scalars(select(Bundle))
    }
    return list(_differences("bundle", stated, stored))


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
