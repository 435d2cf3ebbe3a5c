"""A database with proposals, a shadow and earlier champions, for the page of models."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.model_registry.registered import EVE, Registered, fill
from tests.store.make import abstention, case, opinion
from triage.gating.check_keys import URGENT_MISSES
from triage.gating.result import CheckResult
from triage.model_registry.aliases import set_challenger, set_shadow
from triage.model_registry.proposals import propose
from triage.model_registry.shadow_predictions import add_shadow_prediction
from triage.store import LabelSource, Store, add_case, add_label, add_prediction, set_champion
from triage.store.base import utc_now
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.learning import GateVerdict


def found(
    name: str,
    verdict: GateVerdict | None,
    sentence: str,
    *,
    group: str = "",
    decides: bool = True,
    numbers: tuple[float, float, float, float] | None = None,
) -> CheckResult:
    champion, challenger, low, high = numbers or (None, None, None, None)
    return CheckResult(
        check=name,
        group=group,
        verdict=verdict,
        decides=decides,
        champion=champion,
        challenger=challenger,
        value=None if numbers is None else numbers[1] - numbers[0],
        low=low,
        high=high,
        n_cases=400,
        sentence=sentence,
    )


CHECKS = (
    found(
        "urgent_sensitivity",
        GateVerdict.PASSES,
        "Urgent cases that are called urgent: not lower by more than 0.05.",
        numbers=(0.91, 0.93, -0.01, 0.05),
    ),
    found(
        "urgent_sensitivity",
        GateVerdict.NOT_ENOUGH_EVIDENCE,
        "9 patients; about 160 cases would decide.",
        group="skin type: VI",
        decides=False,
        numbers=(0.88, 0.87, -0.2, 0.18),
    ),
    found("latency", None, "Nobody measured it.", decides=False),
)
MISSED = found(
    URGENT_MISSES, GateVerdict.FAILS, "1 urgent case of the frozen set is missed that was found."
)


def fill_registry(store: Store, folder: Path) -> Registered:
    """First, second and third in use in turn; two proposals by Eve; one of them in shadow."""
    registered = fill(store, folder)
    for name in ("fourth", "fifth"):
        registered.add(name)
    with store.transaction() as session:
        for name in ("second", "third"):
            set_champion(session, registered.number(name), actor="Eve")
    registered.gate("fourth", "third", *CHECKS)
    registered.gate("fifth", "third", *CHECKS, MISSED)
    with store.transaction() as session:
        propose(session, registered.digests["fourth"], reason="Better on every group.", actor=EVE)
        set_challenger(session, registered.digests["fifth"], actor="Eve")
        set_shadow(session, registered.digests["fourth"], actor=EVE)
    _cases(registered)
    return registered


def _cases(registered: Registered) -> None:
    said = (opinion(Urgency.URGENT), opinion(Urgency.ROUTINE, condition="acne"), abstention())
    with registered.store.transaction() as session:
        for at in range(12):
            received = utc_now() - timedelta(hours=at)
            number = add_case(session, case(f"c{at}", received_at=received))
            add_prediction(session, number, registered.number("third"), said[at % 3])
            hidden = said[at % 3 if at % 4 else (at + 1) % 3]
            add_shadow_prediction(session, number, registered.number("fourth"), hidden)
            if at % 2:
                add_label(
                    session,
                    number,
                    "melanoma",
                    LabelSource.BLIND,
                    given_by="Rhea",
                    ai_visible=False,
                )
