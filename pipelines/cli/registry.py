"""Verbs on the registry of bundles: which one is in use, by whose decision, and going back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.acting import As, PasswordStdin, acting, signed_in
from pipelines.cli.console import Db, Json, say, store_at
from triage.accounts import Action

if TYPE_CHECKING:
    from triage.model_registry.entries import Proposal, RegistryEntry
    from triage.model_registry.proposals import Promoted

Named = Annotated[
    str,
    typer.Argument(help="Alias, six digits of the digest or more, or the bundle's folder."),
]
Number = Annotated[int, typer.Argument(help="Number of the proposal.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept in the ledger.")]
Answer = Annotated[str, typer.Option("--answer", help="Why; it is kept in the ledger.")]
EITHER = "one with the permission change_models or approve_models"


def registry_list(db: Db = None, as_json: Json = False) -> None:
    """List the bundles with alias, verdict, data, readiness, files and signature, and proposals.

    Example: triage registry list --db sqlite:///triage.db
    """
    from triage.model_registry.entries import proposals
    from triage.model_registry.entries import registry_list as listed

    with store_at(db) as store, store.reading() as session:
        entries, waiting = listed(session), proposals(session, open_only=True)
    lines = [line for entry in entries for line in _entry_lines(entry)]
    lines += [_proposal_line(one) for one in waiting]
    say(
        as_json,
        {
            "bundles": [_entry_json(entry) for entry in entries],
            "proposals": [_proposal_json(one) for one in waiting],
        },
        *(lines or ["no bundle is registered"]),
    )


def registry_propose(
    bundle: Named,
    reason: Reason,
    gate_run: Annotated[
        int | None,
        typer.Option("--gate-run", help="Gate run; else the last against the one in use."),
    ] = None,
    db: Db = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Propose that a bundle comes into use; another account approves or rejects it.

    Example: triage registry propose challenger --reason "Better on every group" --as Eve
    """
    from triage.model_registry.bundle_rows import digest_of
    from triage.model_registry.entries import proposal_of
    from triage.model_registry.proposals import propose

    with store_at(db) as store:
        by = acting(store, as_name, password_stdin, Action.CHANGE_MODELS)

        def work(session: Any) -> tuple[int, str]:
            digest = digest_of(session, bundle)
            number = propose(session, digest, reason=reason, gate_run=gate_run, actor=by)
            return number, digest

        number, digest = store.write(work)
        with store.reading() as session:
            stored = proposal_of(session, number)
        needed = "" if stored is None else stored.sign_off_for
    lines = [
        f"proposal {number}: {digest[:12]} waits for another account, with the permission "
        f"approve_models: triage registry approve {number}" + " --sign-off" * bool(needed)
    ]
    if needed:
        lines.append(f"  it needs a named sign-off: {needed}")
    say(as_json, {"proposal": number, "bundle": digest, "needs_sign_off": needed}, *lines)


def registry_approve(
    number: Number,
    answer: Answer,
    sign_off: Annotated[
        bool,
        typer.Option(
            "--sign-off",
            help="Accept under your name too little evidence, or a new urgent miss on the frozen "
            "set; nothing else can be accepted.",
        ),
    ] = False,
    db: Db = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Approve a proposal of another account: the bundle comes into use.

    Example: triage registry approve 3 --answer "Read the gate's checks" --as Gus
    """
    from triage.model_registry.proposals import approve

    with store_at(db) as store:
        by = acting(store, as_name, password_stdin, Action.APPROVE_MODELS)
        done = store.write(
            lambda session: approve(session, number, actor=by, answer=answer, sign_off=sign_off)
        )
    say(as_json, _promoted_json(done), _promoted_line(done))


def registry_reject(
    number: Number,
    answer: Answer,
    db: Db = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Reject a proposal; the account that made it may withdraw it so.

    Example: triage registry reject 3 --answer "Not before the audit" --as Gus
    """
    from triage.model_registry.proposals import reject

    with store_at(db) as store:
        by = signed_in(store, as_name, password_stdin, EITHER)
        store.write(lambda session: reject(session, number, actor=by, answer=answer))
    say(as_json, {"proposal": number, "rejected": True}, f"proposal {number}: rejected")


def registry_rollback(
    reason: Reason,
    to: Annotated[
        str | None,
        typer.Option("--to", help="One of the last three champions; else the one before."),
    ] = None,
    db: Db = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Put the champion before the present one in use again, at once and by one account.

    Example: triage registry rollback --reason "Misses melanomas of the new camera" --as Eve
    """
    from triage.model_registry.bundle_rows import digest_of
    from triage.model_registry.rollback import rollback

    with store_at(db) as store:
        by = signed_in(store, as_name, password_stdin, EITHER)
        began = time.monotonic()

        def work(session: Any) -> Promoted:
            digest = None if to is None else digest_of(session, to)
            return rollback(session, reason=reason, actor=by, to=digest)

        done = store.write(work)
        seconds = time.monotonic() - began
    say(
        as_json,
        {**_promoted_json(done), "seconds": seconds},
        f"{_promoted_line(done)}, after {seconds:.1f} s",
    )


def registry_retire(
    bundle: Named,
    reason: Reason,
    db: Db = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Take a bundle out of use for good; what it said of cases stays.

    Example: triage registry retire 4f2a91 --reason "Trained on the old camera" --as Eve
    """
    from triage.model_registry.aliases import retire
    from triage.model_registry.bundle_rows import digest_of

    with store_at(db) as store:
        by = signed_in(store, as_name, password_stdin, EITHER)

        def work(session: Any) -> str:
            digest = digest_of(session, bundle)
            retire(session, digest, reason=reason, actor=by)
            return digest

        digest = store.write(work)
    say(as_json, {"bundle": digest, "retired": True}, f"{digest[:12]}: retired")


def _promoted_json(done: Promoted) -> dict[str, Any]:
    return {"promotion": done.promotion, "bundle": done.bundle, "former": done.former}


def _promoted_line(done: Promoted) -> str:
    former = f" in place of {done.former[:12]}" if done.former else ""
    return f"promotion {done.promotion}: {done.bundle[:12]} is in use{former}"


def _entry_lines(entry: RegistryEntry) -> list[str]:
    facts = [
        f"gate: {entry.verdict.replace('_', ' ')}" if entry.verdict else "no gate",
        f"data {entry.dataset_version[:12]}" if entry.dataset_version else "data not versioned",
        entry.readiness,
        f"signed by {entry.signature}" if entry.signature else "not signed",
    ]
    if entry.ready_for_rollback:
        facts.append("ready for rollback")
    problem = "" if entry.files == "verified" else f"  files: {entry.files}"
    return [
        f"{entry.state}: {entry.name} {entry.digest[:12]}, registered "
        f"{entry.registered_at:%Y-%m-%d}, {entry.cases} cases",
        f"  {'; '.join(facts)}",
        *([problem] if problem else []),
    ]


def _entry_json(entry: RegistryEntry) -> dict[str, Any]:
    return {
        "alias": entry.alias,
        "state": entry.state,
        "digest": entry.digest,
        "name": entry.name,
        "path": entry.path,
        "registered": entry.registered_at.isoformat(),
        "withdrawn": entry.withdrawn_at and entry.withdrawn_at.isoformat(),
        "retired": entry.retired_at and entry.retired_at.isoformat(),
        "verdict": entry.verdict,
        "gate_run": entry.gate_run,
        "dataset_version": entry.dataset_version,
        "readiness": entry.readiness,
        "ready_for_rollback": entry.ready_for_rollback,
        "cases": entry.cases,
        "verified": entry.files == "verified",
        "files": entry.files,
        "signature": entry.signature,
    }


def _proposal_line(one: Proposal) -> str:
    if one.stale_because:
        state = f"cannot be approved: {one.stale_because}"
    elif one.sign_off_for:
        state = f"waits for a named sign-off: {one.sign_off_for}"
    else:
        state = "waits for approval"
    return f"proposal {one.number}: {one.bundle[:12]} by {one.proposed_by}: {state}"


def _proposal_json(one: Proposal) -> dict[str, Any]:
    return {
        "proposal": one.number,
        "kind": one.kind,
        "bundle": one.bundle,
        "former": one.former,
        "gate_run": one.gate_run,
        "verdict": one.result.verdict.value if one.result else None,
        "reason": one.reason,
        "proposed_by": one.proposed_by,
        "proposed_at": one.proposed_at.isoformat(),
        "cannot_be_approved": one.stale_because,
        "needs_sign_off": one.sign_off_for,
    }
