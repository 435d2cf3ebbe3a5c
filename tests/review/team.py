"""People, answers and short runs for the tests of what comes after a decision."""

from __future__ import annotations

import shutil
import tempfile
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from tests.store.make import NOON
from triage.accounts import Actor, Role
from triage.review import (
    RUBRICS,
    Certainty,
    WorklistFilter,
    WorklistItem,
    decide,
    give_second_read,
    lock_first_read,
    open_case,
    open_second_read,
    reveal,
    worklist_page,
)
from triage.review.case_work import history_of
from triage.review.policies import SecondReadPolicy, SitePolicy, set_site_policy, site_policy
from triage.store import Store, open_store
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.modality import Modality
from triage.vocabulary.read_answers import OverrideReason
from triage.vocabulary.review_policies import ReadingMode, ReadKind

ANN = Actor("Ann", Role.READER)
BOB = Actor("Bob", Role.READER)
CAT = Actor("Cat", Role.READER)
SUE = Actor("Sue", Role.SENIOR_READER)
GOV = Actor("Gov", Role.GOVERNANCE)
ADMIN = Actor("Admin", Role.ADMINISTRATOR)
LATER = NOON + timedelta(minutes=1)

RUBRIC = {feature.key: "no" for feature in RUBRICS[Modality.PHOTOGRAPHS]}


@cache
def _template() -> Path:
    path = Path(tempfile.mkdtemp()) / "template.db"
    open_store(f"sqlite:///{path}", create=True).close()
    return path


def fresh_store(folder: Path) -> Store:
    """A new SQLite database, copied from one that was made once."""
    shutil.copyfile(_template(), folder / "triage.db")
    return open_store(f"sqlite:///{folder / 'triage.db'}")


def show_priority(store: Store, site: str = "clinic") -> None:
    """Let the worklist show the class of a site's cases; the rest of its policy stays."""
    with store.reading() as session:
        policy = site_policy(session, site)
    set_site_policy(store, site, policy.model_copy(update={"priority_visible": True}), GOV)


def waiting_items(store: Store, now: datetime = NOON, **wanted: Any) -> list[WorklistItem]:
    """Every item of the worklist, read in small pages."""
    items: list[WorklistItem] = []
    after = None
    while True:
        page = worklist_page(store, ANN, now, wanted=WorklistFilter(**wanted), after=after, size=3)
        items += page.items
        if (after := page.next) is None:
            return items


def read(urgency: Urgency = Urgency.URGENT, condition: str = "melanoma", **more: Any) -> Any:
    """What a reader states, as keyword arguments of a step."""
    return {
        "conditions": (condition,),
        "urgency": urgency,
        "certainty": Certainty.SURE,
        **more,
    }


def always_twice(store: Store, rounds: int = 5, **more: Any) -> None:
    """Let every case be read twice, and none without the AI beyond the least share."""
    policy = SitePolicy(second_reads=SecondReadPolicy(random_share=1.0, rounds=rounds), **more)
    set_site_policy(store, "clinic", policy, GOV)


def never_twice(store: Store) -> None:
    set_site_policy(
        store, "clinic", SitePolicy(second_reads=SecondReadPolicy(random_share=0.0)), GOV
    )


def decided(
    store: Store,
    case_id: int,
    actor: Actor = ANN,
    urgency: Urgency = Urgency.URGENT,
    at: datetime = NOON,
    **more: Any,
) -> None:
    """Take a case from the worklist to a decision."""
    open_case(store, case_id, actor, at=at)
    if history_of(store, case_id).read_of(actor.name, ReadKind.FIRST) is None:
        lock_first_read(store, case_id, actor, at=at, **read(urgency))
    policy = history_of(store, case_id).policy
    assert policy is not None
    if policy.mode is not ReadingMode.AI_OFF:
        reveal(store, case_id, actor, at=at)
    reason = None if urgency is Urgency.URGENT else OverrideReason.FALSE_FINDING
    given = read(urgency, reason=reason) | more
    decide(store, case_id, actor, at=at + timedelta(seconds=10), **given)


def second(
    store: Store,
    case_id: int,
    actor: Actor = BOB,
    urgency: Urgency = Urgency.URGENT,
    at: datetime = LATER,
    **more: Any,
) -> Any:
    """Read a decided case as the second reader."""
    open_second_read(store, case_id, actor, at=at)
    return give_second_read(store, case_id, actor, at=at, **read(urgency, **more))
