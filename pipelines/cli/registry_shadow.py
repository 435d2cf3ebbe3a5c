"""The verb on the bundle in shadow: it scores live cases, and no reader is shown its opinions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.acting import As, PasswordStdin, signed_in
from pipelines.cli.console import Db, Json, bars, cache_folder, say, store_at
from pipelines.cli.registry import EITHER
from triage.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from triage.accounts import Actor
    from triage.model_registry.shadow_report import ShadowReport
    from triage.model_registry.shares import Share
    from triage.store import Store

_TITLES = {
    "same_recommendation": "same recommendation",
    "kappa": "Cohen's kappa of the recommendation",
    "same_condition": "same condition, where neither abstains",
    "abstained_champion": "abstained, in use",
    "abstained_shadow": "abstained, in shadow",
    "abstention_difference": "abstained, in shadow less in use",
    "only_shadow_urgent": "urgent in shadow only",
    "only_champion_urgent": "urgent in use only",
    "right_champion": "blind label named, in use",
    "right_shadow": "blind label named, in shadow",
    "right_difference": "blind label named, in shadow less in use",
}


def registry_shadow(
    set_to: Annotated[
        str | None,
        typer.Option("--set", help="Bundle to put in shadow: alias, digest or folder."),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="End the shadow.")] = False,
    score: Annotated[
        bool,
        typer.Option("--score", help="Score the cases that were added since, in the pages too."),
    ] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Compare it with the bundle in use.")
    ] = False,
    db: Db = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Put a bundle in shadow, end it, let it score, or say how it does; one of the four.

    Example: triage registry shadow --set challenger --db sqlite:///triage.db --as Eve
    """
    if [set_to is not None, clear, score, report].count(True) != 1:
        raise UsageError("give one of --set, --clear, --score and --report")
    with store_at(db) as store:
        by = signed_in(store, as_name, password_stdin, EITHER)
        if set_to is not None:
            _set(store, set_to, by, as_json)
        elif clear:
            _clear(store, by, as_json)
        elif score:
            _score(store, by, as_json)
        else:
            _report(store, by, as_json)


def _set(store: Store, named: str, by: Actor, as_json: bool) -> None:
    from triage.model_registry.aliases import set_shadow
    from triage.model_registry.bundle_rows import digest_of

    def work(session: Any) -> str:
        digest = digest_of(session, named)
        set_shadow(session, digest, actor=by)
        return digest

    digest = store.write(work)
    say(
        as_json,
        {"shadow": digest},
        f"{digest[:12]}: in shadow; triage score --db scores with it along",
    )


def _clear(store: Store, by: Actor, as_json: bool) -> None:
    from triage.model_registry.aliases import clear
    from triage.vocabulary.bundle_aliases import SHADOW

    digest = store.write(lambda session: clear(session, SHADOW, actor=by))
    line = f"{digest[:12]}: in shadow no more" if digest else "no bundle was in shadow"
    say(as_json, {"shadow": None, "former": digest}, line)


def _require(store: Store, by: Actor) -> None:
    from triage.accounts import Action
    from triage.model_registry.people import require_any

    with store.reading() as session:
        require_any(session, by, Action.CHANGE_MODELS, Action.APPROVE_MODELS)


def _score(store: Store, by: Actor, as_json: bool) -> None:
    from triage.intake.shadow import score_in_shadow

    _require(store, by)
    with bars(as_json) as progress:
        done = score_in_shadow(store, cache_folder=cache_folder(), report=progress)
    if done is None:
        raise UsageError("no bundle is in shadow", where="--score", hint="Put one there: --set.")
    value = {
        "shadow": done.bundle,
        "scored": done.scored,
        "changed_files": done.changed_files,
        "failure": done.failure,
    }
    say(as_json, value, done.line())
    if done.failure:
        raise typer.Exit(ExitCode.WRONG_INPUT)
    if done.changed_files:
        raise typer.Exit(ExitCode.SOME_REJECTED)


def _report(store: Store, by: Actor, as_json: bool) -> None:
    from triage.model_registry.shadow_report import shadow_report

    _require(store, by)
    with store.reading() as session:
        found = shadow_report(session)
    say(as_json, found.model_dump(mode="json"), *report_lines(found))


def report_lines(found: ShadowReport) -> list[str]:
    """Return the report of the bundle in shadow for a terminal."""
    against = f"against {found.champion[:12]}" if found.champion else "and no bundle is in use"
    lines = [
        f"{found.shadow[:12]} {against}: {found.cases} cases in {found.days:.1f} days, "
        f"{found.compared} cases of {found.patients} patients compared, {found.labelled} with a blind "
        "label",
        "95 % intervals over patients:",
    ]
    for name, title in _TITLES.items():
        share: Share = getattr(found, name)
        lines.append(f"  {title}: {_shown(share)}")
    return lines


def _shown(share: Share) -> str:
    if share.value is None:
        return "no case"
    text = f"{share.value:.3f}"
    if share.low is not None and share.high is not None:
        text += f" [{share.low:.3f}, {share.high:.3f}]"
    return f"{text} of {share.n_cases} cases"
