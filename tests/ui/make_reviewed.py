"""A database whose cases are at every stage of a review, for the pages that list them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.store.make import abstention, bundle, case, opinion
from tests.ui.make_accounts import account
from tests.ui.make_cases import SITE, draw_photograph
from triage.accounts import Actor, Role
from triage.ledger.events.review_events import FollowUp
from triage.review import (
    Certainty,
    OverrideReason,
    decide,
    give_second_read,
    lock_first_read,
    open_case,
    open_second_read,
    reveal,
    sign_off,
)
from triage.review.policies import SecondReadPolicy, SitePolicy, set_site_policy
from triage.store import (
    LabelSource,
    Store,
    add_case,
    add_label,
    add_prediction,
    open_store,
    register_bundle,
    set_champion,
)
from triage.store.bundles import withdraw_bundle
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import FollowUpKind
from triage.vocabulary.review_policies import SignatureMeaning

ANN = Actor("Ann", Role.SENIOR_READER)
BOB = Actor("Bob", Role.READER)
GUS = Actor("Gus", Role.GOVERNANCE)
SECRET_COMMENT = "FIRSTREADERSECRET"
"""In the comment of decisions of Bob."""
LONG = "Pseudoepitheliomatöse Hyperplasie mit Verhornungsstörung (lang)"
"""A condition of 64 characters."""
TWICE = "clinic that reads twice"
_NAMES = ("open", "decided-1", "decided-2", "decided-3", "histology", "differs", "waiting")
_TWICE = ("second-1", "second-2", "disagree")


def fill_reviewed(folder: Path, password: str | None = None) -> tuple[str, dict[str, int]]:
    """Make a database and photographs in a folder; return its URL and the cases' numbers.

    Ann has opened, decided and signed cases; Bob has decided two that wait for a second read and
    one on which Ann disagrees.
    """
    url = f"sqlite:///{folder / 'cases.db'}"
    store = open_store(url, create=True)
    numbers = _add_cases(store, folder)
    for actor in (ANN, BOB, GUS, Actor("Eve", Role.ENGINEER)):
        assert actor.role is not None
        account(store, actor.name, actor.role, password=password)
    policy = SitePolicy(dwell_seconds=0, second_reads=SecondReadPolicy(random_share=0.0))
    set_site_policy(store, SITE, policy, GUS)
    twice = SitePolicy(dwell_seconds=0, second_reads=SecondReadPolicy(random_share=1.0))
    set_site_policy(store, TWICE, twice, GUS)
    open_case(store, numbers["open"], ANN)
    for name in ("decided-1", "decided-2", "decided-3", "histology", "differs"):
        follow_up = FollowUp(FollowUpKind.RETAKE, text="Out of focus")
        _decide(
            store,
            numbers[name],
            ANN,
            LONG if name == "decided-3" else "melanoma",
            follow_up=follow_up if name == "decided-2" else None,  # the AI abstained
        )
    sign_off(
        store,
        ANN,
        [numbers["histology"], numbers["differs"]],
        SignatureMeaning.AUTHORSHIP,
        printed_name="Dr. A. Nguyen",
        reauthenticated=True,
    )
    with store.transaction() as session:
        for name, found in (("histology", "melanoma"), ("differs", "acne")):
            add_label(
                session,
                numbers[name],
                found,
                LabelSource.HISTOLOGY,
                given_by="Pathology North",
                ai_visible=False,
            )
    for name in _TWICE:
        _decide(store, numbers[name], BOB, "melanoma", comment=SECRET_COMMENT)
    open_second_read(store, numbers["disagree"], ANN)
    give_second_read(store, numbers["disagree"], ANN, **_read("acne", Urgency.ROUTINE))
    store.close()
    return url, numbers


def _add_cases(store: Store, folder: Path) -> dict[str, int]:
    secret: dict[str, Any] = {"reason": "AISECRETREASON", "next_action": "AISECRETACTION"}
    now = datetime.now(UTC)
    numbers = {}
    with store.transaction() as session:
        old = register_bundle(session, replace(bundle("e" * 64), name="skin-2024"))
        withdraw_bundle(session, "e" * 64, "Its threshold was wrong")
        system = register_bundle(
            session, bundle(name="skin-2025", conditions=("acne", "folliculitis", LONG, "melanoma"))
        )
        set_champion(session, system)
        for at, name in enumerate((*_NAMES, *_TWICE)):
            numbers[name] = add_case(
                session,
                case(
                    name,
                    source=TWICE if name in _TWICE else SITE,
                    images=(draw_photograph(folder / "photographs" / f"{name}.png", at),),
                    patient=f"P-{at:03}",
                    received_at=now - timedelta(hours=30 + 5 * at),
                ),
            )
            shown = abstention(**secret) if name == "decided-2" else opinion(**secret)
            add_prediction(session, numbers[name], system, shown)
            if at == 0:
                add_prediction(session, numbers[name], old, opinion(**secret))
    return numbers


def _read(condition: str, urgency: Urgency) -> dict[str, Any]:
    return {"conditions": (condition,), "urgency": urgency, "certainty": Certainty.SURE}


def _decide(
    store: Store,
    number: int,
    actor: Actor,
    condition: str,
    comment: str = "",
    follow_up: FollowUp | None = None,
) -> None:
    answers = _read(condition, Urgency.URGENT)
    open_case(store, number, actor)
    view = lock_first_read(store, number, actor, **answers)
    if not view.without_ai:
        reveal(store, number, actor)
    decide(
        store,
        number,
        actor,
        reason=OverrideReason.HISTORY,
        comment=comment,
        follow_up=follow_up,
        **answers,
    )
