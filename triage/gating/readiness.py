"""How far a bundle has come towards use, from recorded facts alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from triage.store.learning_tables import GateRunRow, PromotionRow, ShadowPredictionRow
from triage.store.tables import Bundle
from triage.vocabulary.bundle_aliases import CHAMPION
from triage.vocabulary.learning import GateVerdict

_DAY = timedelta(days=1)


class ReadinessRule(BaseModel):
    """What the higher levels ask for; a part of the retraining policy.

    Parameters
    ----------
    shadow_cases : int
        Live cases that a bundle has scored, hidden from readers, to be shadow-tested.
    shadow_days : float
        Days between the first and the last of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shadow_cases: int = Field(200, ge=1)
    shadow_days: float = Field(14, ge=0)


class ReadinessLevel(StrEnum):
    """Levels in order; `IN_USE_BY_SIGN_OFF` and `WITHDRAWN` stand beside the order."""

    NO_GATE_RESULT = "no_gate_result"
    GATE_NOT_PASSED = "gate_not_passed"
    GATE_PASSED = "gate_passed"
    SHADOW_TESTED = "shadow_tested"
    IN_USE = "in_use"
    IN_USE_BY_SIGN_OFF = "in_use_by_sign_off"
    WITHDRAWN = "withdrawn"


LEVEL_WORDS = {
    ReadinessLevel.NO_GATE_RESULT: "trained, no gate result",
    ReadinessLevel.GATE_NOT_PASSED: "judged by the gate, not passed",
    ReadinessLevel.GATE_PASSED: "gate passed",
    ReadinessLevel.SHADOW_TESTED: "gate passed and shadow-tested",
    ReadinessLevel.IN_USE: "in use after gate and shadow test",
    ReadinessLevel.IN_USE_BY_SIGN_OFF: "in use, a person signed for what the evidence lacks",
    ReadinessLevel.WITHDRAWN: "withdrawn",
}


@dataclass(frozen=True)
class ReadinessFacts:
    """What the database records of a bundle.

    Parameters
    ----------
    verdict : GateVerdict, optional
        Of the last gate run that judged it as the challenger; None where there is none.
    gate_run : int, optional
    judged_at : datetime, optional
    policy_hash, policy_signed_by : str, optional
        Of that run.
    shadow_cases : int
    shadow_first, shadow_last : datetime, optional
    champion : bool
        Whether it is in use now.
    approved_by : str, optional
        Who approved its last promotion.
    signed_off : bool
        Whether that approval stands in for evidence.
    withdrawn : bool
    rule : ReadinessRule
        Of the policy that judged it; the default where none did.
    """

    verdict: GateVerdict | None = None
    gate_run: int | None = None
    judged_at: datetime | None = None
    policy_hash: str | None = None
    policy_signed_by: str | None = None
    shadow_cases: int = 0
    shadow_first: datetime | None = None
    shadow_last: datetime | None = None
    champion: bool = False
    approved_by: str | None = None
    signed_off: bool = False
    withdrawn: bool = False
    rule: ReadinessRule = ReadinessRule()


@dataclass(frozen=True)
class Readiness:
    """The level of a bundle, and why it is not higher.

    Parameters
    ----------
    level : ReadinessLevel
    reasons : tuple of str
        The facts it follows from.
    lacks : tuple of str
        What keeps it from the next levels.
    """

    level: ReadinessLevel
    reasons: tuple[str, ...]
    lacks: tuple[str, ...]

    @property
    def text(self) -> str:
        """The level, its facts and what is missing, in one line."""
        said = f"{LEVEL_WORDS[self.level]}: {' '.join(self.reasons)}"
        return f"{said} Missing: {'; '.join(self.lacks)}." if self.lacks else said


def readiness(facts: ReadinessFacts) -> Readiness:
    """Return the level that recorded facts allow, never a higher one.

    A bundle in use whose gate result, shadow test or approval by another account is missing is
    `IN_USE_BY_SIGN_OFF` only if a sign-off is recorded; else its level is that of its evidence, and
    what lacks is stated.
    """
    reasons, lacks = [_gate_words(facts)], []
    passed = facts.verdict is GateVerdict.PASSES
    tested = _is_shadow_tested(facts)
    if not passed:
        lacks.append("a gate that passes")
    reasons.append(_shadow_words(facts))
    if not tested:
        lacks.append(
            f"a shadow test of {facts.rule.shadow_cases} cases over {facts.rule.shadow_days:g} days"
        )
    if facts.approved_by is None:
        lacks.append("an approved promotion")
    elif facts.champion:
        reasons.append("Its promotion was approved by another account than proposed it.")
    if facts.champion:
        reasons.append("It is in use.")
    level = ReadinessLevel.NO_GATE_RESULT
    if facts.verdict is not None:
        level = ReadinessLevel.GATE_PASSED if passed else ReadinessLevel.GATE_NOT_PASSED
    if passed and tested:
        level = ReadinessLevel.SHADOW_TESTED
    if facts.champion and facts.approved_by is not None:
        if passed and tested and not facts.signed_off:
            level = ReadinessLevel.IN_USE
        elif facts.signed_off:
            level = ReadinessLevel.IN_USE_BY_SIGN_OFF
    if facts.withdrawn:
        return Readiness(ReadinessLevel.WITHDRAWN, ("It is withdrawn or retired.",), ())
    return Readiness(level, tuple(reasons), tuple(lacks))


def _gate_words(facts: ReadinessFacts) -> str:
    if facts.verdict is None:
        return "No gate has judged it."
    words = {
        GateVerdict.PASSES: "passes",
        GateVerdict.FAILS: "fails",
        GateVerdict.NOT_ENOUGH_EVIDENCE: "is not enough evidence",
    }[facts.verdict]
    signed = (
        "an unsigned policy"
        if facts.policy_signed_by is None
        else f"a policy signed by the key {facts.policy_signed_by}"
    )
    return f"The gate's answer {words} (run {facts.gate_run}, {signed})."


def _shadow_words(facts: ReadinessFacts) -> str:
    if not facts.shadow_cases:
        return "It was not shadow-tested."
    return f"It scored {facts.shadow_cases} live cases in {_days(facts):.1f} days as a shadow."


def _days(facts: ReadinessFacts) -> float:
    if facts.shadow_first is None or facts.shadow_last is None:
        return 0.0
    return (facts.shadow_last - facts.shadow_first) / _DAY


def _is_shadow_tested(facts: ReadinessFacts) -> bool:
    rule = facts.rule
    return facts.shadow_cases >= rule.shadow_cases and _days(facts) >= rule.shadow_days


def readiness_facts(session: Session, digest: str) -> ReadinessFacts:
    """Return what the database records of a bundle; only defaults where it is not registered.

    Parameters
    ----------
    session : Session
    digest : str
        Of the bundle's manifest.
    """
    bundle = session.scalars(select(Bundle).where(Bundle.digest == digest)).one_or_none()
    if bundle is None:
        return ReadinessFacts()
    run = session.scalars(
        select(GateRunRow)
        .where(GateRunRow.challenger_id == bundle.id)
        .order_by(GateRunRow.id.desc())
        .limit(1)
    ).one_or_none()
    cases, first, last = session.execute(
        select(
            func.count(),
            func.min(ShadowPredictionRow.created_at),
            func.max(ShadowPredictionRow.created_at),
        ).where(ShadowPredictionRow.bundle_id == bundle.id)
    ).one()
    promotion = session.scalars(
        select(PromotionRow)
        .where(PromotionRow.bundle_id == bundle.id, PromotionRow.approved_at.is_not(None))
        .order_by(PromotionRow.id.desc())
        .limit(1)
    ).one_or_none()
    rule = ReadinessRule.model_validate(run.hold_out_state.get("readiness") or {}) if run else None
    return ReadinessFacts(
        verdict=None if run is None else GateVerdict(run.verdict),
        gate_run=None if run is None else run.id,
        judged_at=None if run is None else run.run_at,
        policy_hash=None if run is None else run.policy_hash,
        policy_signed_by=None if run is None else run.result.get("policy_signed_by"),
        shadow_cases=cases,
        shadow_first=first,
        shadow_last=last,
        champion=bundle.alias == CHAMPION,
        approved_by=None if promotion is None else promotion.approved_by,
        signed_off=promotion is not None and promotion.signed_off,
        withdrawn=bundle.withdrawn_at is not None,
        rule=rule or ReadinessRule(),
    )
