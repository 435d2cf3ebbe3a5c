"""Verbs on the review policies of sites."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipelines.cli.acting import As, PasswordStdin, acting
from pipelines.cli.console import Db, Json, say, store_at
from triage.accounts import Action
from triage.errors import UsageError
from triage.vocabulary.clinical import Urgency

if TYPE_CHECKING:
    from triage.review.policies import SitePolicy

_DAY_S = 86_400

PolicyFile = Annotated[
    Path | None,
    typer.Option("--file", help="Policy (YAML); what it leaves out stays as it is."),
]
Mode = Annotated[
    Literal["blind", "concurrent", "ai_off"] | None,
    typer.Option("--mode", help="When readers see the AI's opinion."),
]
PriorityVisible = Annotated[
    bool | None,
    typer.Option(
        "--priority-visible/--priority-hidden",
        help="Whether the worklist shows the urgency class and orders by it.",
    ),
]
RandomNextShare = Annotated[
    float | None,
    typer.Option(
        "--random-next-share",
        help="Part of the cases handed out next that is drawn from all waiting ones.",
    ),
]
Urgent = Annotated[
    float | None, typer.Option("--urgent-days", help="Days to the decision on an urgent case.")
]
SemiUrgent = Annotated[
    float | None, typer.Option("--semi-urgent-days", help="The same for a semi-urgent case.")
]
Routine = Annotated[
    float | None, typer.Option("--routine-days", help="The same for a routine case.")
]
Observation = Annotated[
    float | None, typer.Option("--observation-days", help="The same for a case to be observed.")
]
AiOffShare = Annotated[
    float | None,
    typer.Option("--ai-off-share", help="Part of the cases read without AI, 0.1 or more."),
]
DwellSeconds = Annotated[
    float | None,
    typer.Option("--dwell-seconds", help="Least time between the reveal and the decision."),
]
LockMinutes = Annotated[
    float | None,
    typer.Option("--lock-minutes", help="How long a case stays reserved for a reader."),
]
IdleSeconds = Annotated[
    float | None,
    typer.Option("--idle-seconds", help="After how long without activity a reader is idle."),
]
RandomShare = Annotated[
    float | None,
    typer.Option("--random-share", help="Part of the cases that is read twice at random."),
]
ConflictLevels = Annotated[
    int | None,
    typer.Option(
        "--conflict-levels",
        help="Urgency levels from the AI's opinion, from which on a decision is read twice.",
    ),
]
Rounds = Annotated[
    int | None,
    typer.Option("--rounds", help="Rounds of an adjudication before a senior reader decides."),
]


def policy_show(
    site: Annotated[
        str | None, typer.Option("--site", help="Source of cases; else all of them.")
    ] = None,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Show how cases of a site are read: with or without the AI, and what is read twice.

    Example: triage policy show --site clinic --db sqlite:///triage.db
    """
    from triage.review.policies import policies_of_sites

    with store_at(db) as store:
        found = policies_of_sites(store, site)
    lines: list[str] = []
    for name, (policy, is_own) in found.items():
        lines += [f"{name}:" if is_own else f"{name} (defaults):", *_lines(policy)]
    value = {
        name: {"own": is_own, "policy": policy.model_dump(mode="json")}
        for name, (policy, is_own) in found.items()
    }
    say(as_json, {"sites": value}, *(lines or ["there is no case and no policy"]))


def policy_set(
    site: Annotated[str, typer.Option("--site", help="Source of cases.")],
    file: PolicyFile = None,
    mode: Mode = None,
    priority_visible: PriorityVisible = None,
    random_next_share: RandomNextShare = None,
    urgent_days: Urgent = None,
    semi_urgent_days: SemiUrgent = None,
    routine_days: Routine = None,
    observation_days: Observation = None,
    ai_off_share: AiOffShare = None,
    dwell_seconds: DwellSeconds = None,
    lock_minutes: LockMinutes = None,
    idle_seconds: IdleSeconds = None,
    random_share: RandomShare = None,
    conflict_levels: ConflictLevels = None,
    rounds: Rounds = None,
    db: Db = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Set how cases of a site are read; what is not given stays as it is.

    Cases that were opened before keep the mode they were opened under.

    Example: triage policy set --site clinic --mode blind --priority-hidden --db sqlite:///triage.db
    --as Gov
    """
    from triage.review.policies import (
        changed_policy,
        policies_of_sites,
        policy_changes_from,
        set_site_policy,
    )

    given = {
        "mode": mode,
        "priority_visible": priority_visible,
        "random_next_share": random_next_share,
        "ai_off_share": ai_off_share,
        "dwell_seconds": dwell_seconds,
        "lock_minutes": lock_minutes,
        "idle_seconds": idle_seconds,
    }
    twice = {
        "random_share": random_share,
        "conflict_levels": conflict_levels,
        "rounds": rounds,
    }
    days = {
        "urgent": urgent_days,
        "semi_urgent": semi_urgent_days,
        "routine": routine_days,
        "observation": observation_days,
    }
    changes = _given(given)
    if of_deadlines := _given(days):
        changes["deadlines"] = {name: _span(name, value) for name, value in of_deadlines.items()}
    if of_second_reads := _given(twice):
        changes["second_reads"] = of_second_reads
    if not changes and file is None:
        raise UsageError("nothing is to be set", hint="Give --file, or options such as --mode.")
    from_file = {} if file is None else policy_changes_from(file)
    with store_at(db) as store:
        actor = acting(store, as_name, password_stdin, Action.SET_POLICY)
        present, _ = policies_of_sites(store, site)[site]
        policy = changed_policy(changed_policy(present, from_file), changes)
        cases = set_site_policy(store, site, policy, actor)
    lines = [f"{site}:", *_lines(policy)]
    if not cases:
        lines.append("  no case has come from this site yet: check its name")
    value = {"site": site, "policy": policy.model_dump(mode="json"), "cases": cases}
    say(as_json, value, *lines)


def _span(name: str, days: float) -> timedelta:
    try:
        return timedelta(seconds=round(days * _DAY_S))
    except (OverflowError, ValueError):
        raise UsageError("this is no number of days", where=f"deadlines.{name}") from None


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _lines(policy: SitePolicy) -> list[str]:
    again = policy.second_reads
    due = ", ".join(
        f"{urgency.value.replace('_', '-')} {policy.deadlines.of(urgency) / timedelta(days=1):g}"
        for urgency in Urgency
    )
    named = ", ".join(f"{axis} {', '.join(levels)}" for axis, levels in again.subgroups.items())
    return [
        f"  mode {policy.mode.value}, {policy.ai_off_share:.0%} of the cases without AI, "
        f"priority {'visible' if policy.priority_visible else 'hidden'}",
        f"  decision {policy.dwell_seconds:g} s after the reveal or later, reserved for "
        f"{policy.lock_minutes:g} minutes, idle after {policy.idle_seconds:g} s",
        f"  days to the decision: {due}",
        f"  {policy.random_next_share:.0%} of the cases handed out next are drawn at random",
        f"  read twice: {again.random_share:.0%} at random, {again.conflict_levels} or more levels "
        f"from the AI's opinion{f', {named}' if named else ''}; {again.rounds} rounds of "
        "adjudication",
    ]
