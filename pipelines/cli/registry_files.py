"""Verbs on the files of bundles: differences of two, signatures, verification."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.console import Bundle, Db, Json, say, store_at, summarise
from triage.errors import ExitCode, TriageError, UsageError

if TYPE_CHECKING:
    from triage.gating.result import CheckResult
    from triage.model_registry.differences import BundleDifference, Flips
    from triage.model_registry.shares import Share

_MOST = 40


def registry_diff(
    a: Annotated[str, typer.Argument(help="First bundle: folder, alias or digest.")],
    b: Annotated[str, typer.Argument(help="Second bundle.")],
    predictions_a: Annotated[
        Path | None, typer.Option("--predictions-a", help="Table of the first on labelled cases.")
    ] = None,
    predictions_b: Annotated[
        Path | None, typer.Option("--predictions-b", help="Table of the second on the same cases.")
    ] = None,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Say what differs between two bundles: data, settings, metrics, gate runs, flips.

    Without --db two folders are compared by their manifests.

    Example: triage registry diff champion challenger --db sqlite:///triage.db
    """
    from triage.model_registry.differences import diff_bundles

    if (predictions_a is None) != (predictions_b is None):
        raise UsageError("flips need both tables", hint="Give --predictions-a and --predictions-b.")
    tables = (predictions_a, predictions_b) if predictions_a and predictions_b else None
    folders = all(os.path.isfile(Path(each) / "manifest.json") for each in (a, b))
    with store_at(db, wanted=db is not None or not folders) as store:
        if store is None:
            found = diff_bundles(a, b, predictions=tables)
        else:
            with store.reading() as session:
                found = diff_bundles(a, b, session=session, predictions=tables)
    say(as_json, found.model_dump(mode="json"), *_lines(found))


def registry_sign(
    bundle: Bundle,
    key: Annotated[
        Path, typer.Option("--key", help="Private key that signs, from triage ledger keygen.")
    ],
    as_json: Json = False,
) -> None:
    """Sign a bundle: its files are verified, and manifest.sig is written beside the manifest.

    Example: triage registry sign --bundle bundles/b --key bundles.key
    """
    from triage.ledger.keys import load_key
    from triage.model_registry.bundle_files import manifest_of_files
    from triage.systems.bundle_signature import sign_bundle

    signer = load_key(key)
    _, digest = manifest_of_files(bundle)
    signed = sign_bundle(bundle, digest, signer)
    say(
        as_json,
        {"bundle": str(bundle), "digest": digest, "key_id": signed.key_id},
        f"{bundle}: {digest[:12]} signed by the key {signed.key_id}",
    )


def registry_verify(
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", help="Folder of a bundle; else all that are registered."),
    ] = None,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Verify the files of bundles by their hashes, and signatures where keys are configured.

    Withdrawn and retired bundles are listed and do not decide the exit code.

    Example: triage registry verify --db sqlite:///triage.db
    """
    from triage.model_registry.entries import registry_list

    if bundle is not None:
        found = [_of_folder(bundle)]
    else:
        with store_at(db) as store, store.reading() as session:
            found = [
                {
                    "bundle": one.path,
                    "digest": one.digest,
                    "state": one.state,
                    "verified": one.files == "verified",
                    "problem": "" if one.files == "verified" else one.files,
                    "signature": one.signature,
                }
                for one in registry_list(session)
            ]
    lines = [
        f"{'verified' if one['verified'] else 'REFUSED'}: {one['state']} {one['digest'][:12]} in "
        f"{one['bundle']}, {one['signature'] or 'not signed'}"
        + (f"\n  {one['problem']}" if one["problem"] else "")
        for one in found
    ]
    shown = [line for text in lines for line in text.split("\n")]
    intact = all(one["verified"] or one["state"] in ("withdrawn", "retired") for one in found)
    say(
        as_json,
        {"verified": intact, "bundles": found},
        *(shown or ["no bundle is registered"]),
    )
    if not intact:
        raise typer.Exit(ExitCode.ANSWERED_NO)


def _of_folder(folder: Path) -> dict[str, Any]:
    from triage.model_registry.bundle_files import signature_words, verified_manifest
    from triage.store.bundle_manifest import manifest_in

    _, digest = manifest_in(folder)
    problem = ""
    try:
        verified_manifest(str(folder), digest)
    except TriageError as error:
        problem = str(error)
    return {
        "bundle": str(folder),
        "digest": digest,
        "state": "bundle",
        "verified": not problem,
        "problem": problem,
        "signature": signature_words(str(folder), digest),
    }


def _lines(found: BundleDifference) -> list[str]:
    lines = [f"a: {found.a.name} {found.a.digest[:12]}", f"b: {found.b.name} {found.b.digest[:12]}"]
    lines.append("data: the same" if found.data.same else "data:")
    if found.data.members is not None:
        lines += [f"  {name}: {count} cases" for name, count in found.data.members.items() if count]
    lines += _changes(found.data.fields)
    for title, changes in (
        ("settings", found.settings),
        ("made of", found.made),
        ("metrics on validation", found.metrics),
    ):
        lines.append(f"{title}:" if changes else f"{title}: the same")
        lines += _changes(changes)
    for run in found.gate_runs:
        lines.append(f"gate run {run.gate_run}, challenger {run.challenger[:12]}: {run.verdict}")
        lines += _gate_checks([check for check in run.checks if check.decides])
    if found.flips is not None:
        lines += _flips(found.flips)
    return lines


def _gate_checks(checks: list[CheckResult]) -> list[str]:
    """Lines of a gate's checks: those of groups that do not fail are counted."""
    from triage.gating.check_titles import check_name
    from triage.vocabulary.learning import GateVerdict

    counted = [c for c in checks if c.group and c.verdict is not GateVerdict.FAILS]
    listed = [c for c in checks if c not in counted]
    more = Counter(str(c.verdict or "not done").replace("_", " ") for c in counted)
    return [
        *(f"  {check_name(check)}: {check.sentence}" for check in listed),
        *(f"  {answer}: {count} checks of groups" for answer, count in more.items()),
    ]


def _changes(changes: dict[str, tuple[Any, Any]]) -> list[str]:
    return summarise([f"  {name}: {one!r} -> {other!r}" for name, (one, other) in changes.items()],
                     _MOST)  # fmt: skip


def _flips(flips: Flips) -> list[str]:
    titles = {
        "negative": "right in a and wrong in b",
        "positive": "wrong in a and right in b",
        "urgent_lost": "urgent cases called urgent in a only",
        "urgent_found": "urgent cases called urgent in b only",
        "recommendation": "another recommendation",
    }
    return ["flips, with 95 % intervals:", *(f"  {title}: {_share(getattr(flips, name))}"
                                            for name, title in titles.items())]  # fmt: skip


def _share(share: Share) -> str:
    if share.value is None or share.low is None or share.high is None:
        return "no case"
    return f"{share.value:.3f} [{share.low:.3f}, {share.high:.3f}] of {share.n_cases} cases"
