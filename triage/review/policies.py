"""Review policies of sites: when readers see the AI's opinion, and which cases are read twice."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from triage.accounts import Action, Actor
from triage.accounts.store_permission import require_for
from triage.data.spec import MAX_SOURCE_NAME
from triage.data.strict_yaml import load_model
from triage.errors import UsageError
from triage.ledger.events.review_events import CasePolicy, PolicySet, exact_numbers
from triage.store import Store, append_event
from triage.store.base import utc_now
from triage.store.deadlines import Deadlines
from triage.store.records import StoredCase
from triage.store.tables import Case, SitePolicyRow
from triage.store.worklist_order import hold_order, set_order
from triage.vocabulary.review_policies import ReadingMode

LEAST_AI_OFF_SHARE = 0.10
"""Part of the cases that is read without AI for ever, so that there are unbiased reads to measure
the AI and its readers by."""

Share = Annotated[float, Field(ge=0, le=1)]


class SecondReadPolicy(BaseModel):
    """Which decided cases go to a second reader; the values are our defaults.

    Parameters
    ----------
    conflict_levels : int
        Urgency levels between the decision and the AI's opinion, from which on it is a conflict.
    random_share : float
        Part of all cases that is read twice whatever was decided.
    subgroups : dict of tuple of str
        Column of the case's groups to the levels whose cases are always read twice.
    rounds : int
        Rounds of an adjudication before a senior reader decides.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    conflict_levels: int = Field(default=2, ge=1, le=3)
    random_share: Share = 0.05
    subgroups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    rounds: int = Field(default=5, ge=1, le=5)


class SitePolicy(BaseModel):
    """How cases of one site are read; the values are our defaults.

    Parameters
    ----------
    mode : ReadingMode
    priority_visible : bool
        Whether the worklist shows the urgency class, which is the AI's, and orders by it. A first
        read under a visible priority is not blind.
    random_next_share : float
        Part of the cases handed out next that is drawn at random from all waiting ones.
    ai_off_share : float
        Part of the cases that is read without AI, drawn at random; at least a tenth.
    dwell_seconds : float
        Least time between the reveal and the decision, in seconds.
    lock_minutes : float
        How long a case stays reserved for a reader who does nothing, in minutes.
    idle_seconds : float
        Time without activity, in seconds, after which a reader counts as idle.
    deadlines : Deadlines
    second_reads : SecondReadPolicy
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: ReadingMode = ReadingMode.BLIND
    priority_visible: bool = False
    random_next_share: Share = 0.20
    ai_off_share: float = Field(default=LEAST_AI_OFF_SHARE, ge=LEAST_AI_OFF_SHARE, le=1)
    dwell_seconds: float = Field(default=3, ge=0, le=600)
    lock_minutes: float = Field(default=15, gt=0, le=24 * 60)
    idle_seconds: float = Field(default=60, gt=0, le=3600)
    deadlines: Deadlines = Deadlines()
    second_reads: SecondReadPolicy = SecondReadPolicy()

    @property
    def dwell(self) -> timedelta:
        """Least time between the reveal and the decision."""
        return timedelta(seconds=self.dwell_seconds)

    @property
    def lock_duration(self) -> timedelta:
        """How long a case stays reserved for a reader who does nothing."""
        return timedelta(minutes=self.lock_minutes)


def site_policy(session: Session, site: str) -> SitePolicy:
    """Return the policy of a site, which is a source of cases; our defaults where none was set."""
    stored = session.scalar(select(SitePolicyRow.policy).where(SitePolicyRow.site == site))
    return SitePolicy() if stored is None else SitePolicy.model_validate(stored)


def set_site_policy(store: Store, site: str, policy: SitePolicy, actor: Actor) -> int:
    """Set the policy of a site; cases that were opened before keep the mode they were opened under.

    Parameters
    ----------
    store : Store
    site : str
        A source of cases; none need have come from it yet.
    policy : SitePolicy
    actor : Actor

    Returns
    -------
    int
        Number of cases of the site.

    Raises
    ------
    PermissionDenied
        If the actor may not.
    UsageError
        If it cannot be the name of a source.
    """
    require_for(store, actor, Action.SET_POLICY)
    if not site.strip() or len(site) > MAX_SOURCE_NAME or not site.isprintable():
        raise UsageError(
            "this is no name of a site",
            where="site",
            hint=f"Give 1 to {MAX_SOURCE_NAME} characters that can be printed.",
        )

    def write(session: Session) -> int:
        hold_order(session)
        cases = session.scalar(select(func.count(Case.id)).where(Case.source == site)) or 0
        if site_policy(session, site) == policy and session.get(SitePolicyRow, site) is not None:
            return cases
        value, moment = policy.model_dump(mode="json"), utc_now()
        session.merge(SitePolicyRow(site=site, policy=value, set_at=moment))
        session.flush()
        append_event(session, PolicySet(site, exact_numbers(value)), actor=actor.name, at=moment)
        set_order(session, Case.source == site)
        return cases

    return store.write(write)


def site_policies(store: Store) -> dict[str, SitePolicy]:
    """Return the policy of every site that has one of its own."""
    with store.reading() as session:
        rows = session.scalars(select(SitePolicyRow).order_by(SitePolicyRow.site))
        return {row.site: SitePolicy.model_validate(row.policy) for row in rows}


def policies_of_sites(store: Store, site: str | None = None) -> dict[str, tuple[SitePolicy, bool]]:
    """Return the policy of every site that has cases or one of its own, and whether it is its own.

    Parameters
    ----------
    store : Store
    site : str, optional
        Only this one, whether or not it has either.
    """
    own = site_policies(store)
    if site is not None:
        return {site: (own.get(site, SitePolicy()), site in own)}
    with store.reading() as session:
        sources = session.scalars(select(Case.source).distinct()).all()
    names = sorted({*own, *sources})
    return {name: (own.get(name, SitePolicy()), name in own) for name in names}


def policy_changes_from(path: Path) -> dict[str, Any]:
    """Return what a YAML file says of a policy; it need not say everything.

    Raises
    ------
    SpecError
        If the file is missing, is not YAML, or a name or value is not one of a policy.
    """
    given = load_model(path, SitePolicy, "review policy")
    return given.model_dump(mode="json", exclude_unset=True)


def changed_policy(policy: SitePolicy, changes: Mapping[str, Any]) -> SitePolicy:
    """Return a policy with some values replaced; deadlines and second reads one by one.

    Raises
    ------
    UsageError
        If a name or value is not one of a policy.
    """
    content = policy.model_dump(mode="json")
    parts = {
        name: content[name] | dict(changes.get(name, {})) for name in ("deadlines", "second_reads")
    }
    return policy_from({**content, **changes, **parts})


def policy_from(content: dict[str, Any]) -> SitePolicy:
    """Return a policy from plain values.

    Raises
    ------
    UsageError
        If a name or value is not one of a policy.
    """
    try:
        return SitePolicy.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"This is no review policy: {first['msg']}.", where=where) from None


def case_policy(policy: SitePolicy, case: StoredCase) -> CasePolicy:
    """Return the policy under which a case that is opened now is read."""
    drawn = draw("ai_off", case) < policy.ai_off_share
    mode = ReadingMode.AI_OFF if drawn else policy.mode
    return CasePolicy(mode, policy.priority_visible, drawn)


def draw(purpose: str, case: StoredCase) -> float:
    """Return a number that is uniform on [0, 1) over cases and the same whenever it is asked for.

    It is the first eight bytes of the SHA-256 of the purpose and the case's name in its source, so
    that an auditor can draw it again, and nobody can draw until it suits them.
    """
    name = "\0".join((purpose, case.source, case.external_id))
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) / 2**64
