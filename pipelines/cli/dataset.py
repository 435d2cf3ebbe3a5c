"""Verbs on versions of data sets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.acting import As, PasswordStdin, acting
from pipelines.cli.console import (
    Db,
    Json,
    Root,
    Spec,
    bars,
    say,
    store_at,
    summarise,
)
from triage.accounts import Action
from triage.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from triage.dataset_versions.version import DatasetVersion
    from triage.dataset_versions.withdraw import WithdrawalDone
    from triage.store import Store

Version = Annotated[str, typer.Argument(help="File of a snapshot, or the beginning of a root.")]
OwnDb = Annotated[
    str | None, typer.Option("--db", help="URL of the case database; by default none is used.")
]


def dataset_snapshot(
    spec: Spec,
    root: Root,
    db: OwnDb = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", help="Retraining policy: its hold-out and labels.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="File to write (JSON).")] = None,
    duplicates: Annotated[
        Path | None,
        typer.Option("--duplicates", help="CSV of `triage spec duplicates --out`."),
    ] = None,
    leave_out_copies: Annotated[
        bool,
        typer.Option(
            "--leave-out-copies", help="Keep a file that is in two splits in the later one alone."
        ),
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why it is taken.")] = "snapshot",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Store and write nothing.")] = False,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Record a data set: hashes of images and labels, licences, consents, splits.

    With --db the version is stored, with the reviewed cases that may train. Exit code 4 if an
    image, a patient or a cluster is in two splits, or a case of the frozen set changed.

    Example: triage dataset snapshot --spec data_specs/derm_phantoms.yaml --root work/phantoms
    --db sqlite:///triage.db --out phantoms.json
    """
    from triage.data.spec_files import load_spec
    from triage.dataset_versions.version_file import write_version
    from triage.gating.policy import GatePolicy, load_gate_policy
    from triage.learning.dataset_snapshot import read_duplicates, store_snapshot, take_snapshot

    rule = GatePolicy() if policy is None else load_gate_policy(policy).policy
    pairs = [] if duplicates is None else read_duplicates(duplicates)
    with store_at(db, create=not dry_run, wanted=db is not None) as store:
        if store is not None:
            by = acting(store, as_name, password_stdin, Action.CHANGE_MODELS)
        with bars(as_json) as report:
            taken = take_snapshot(
                load_spec(spec),
                root,
                rule,
                store,
                duplicates=pairs,
                leave_out_copies=leave_out_copies,
                progress=report,
            )
        if store is not None and not dry_run:
            store_snapshot(store, taken, actor=by.name, reason=reason)
    if out is not None and not dry_run:
        write_version(taken.version, out)
    value = _summary(taken.version) | {
        "new": taken.is_new,
        "stored": db is not None and not dry_run,
        "out": None if out is None or dry_run else str(out),
        "copies_left_out": taken.copies,
        "left_out": [each.as_json() for each in taken.left_out],
    }
    say(
        as_json,
        value,
        f"{taken.version.root}: {value['members']} cases of {taken.version.spec_name}"
        + ("" if taken.is_new else ", as in the newest version"),
        *(f"  {split}: {count}" for split, count in value["splits"].items()),
        *(["  not stored in a case database: name one with --db"] * (db is None)),
        *(
            [f"  {value['unreadable']} cases with a file that cannot be read"]
            * bool(value["unreadable"])
        ),
        *([f"  {taken.copies} copies left out"] * bool(taken.copies)),
        *summarise([f"  left out: {each.reason.sentence}" for each in taken.left_out]),
    )
    if value["unreadable"] or taken.left_out:
        raise typer.Exit(ExitCode.SOME_REJECTED)


def _summary(version: DatasetVersion) -> dict[str, Any]:
    from collections import Counter

    from triage.dataset_versions.file_content import UNREADABLE

    members = version.members
    return {
        "root": version.root,
        "spec": version.spec_name,
        "spec_hash": version.spec_hash,
        "parent": version.parent,
        "members": len(members),
        "splits": dict(sorted(Counter(str(one.split) for one in members).items())),
        "consents": dict(sorted(Counter(str(one.consent) for one in members).items())),
        "licences": dict(sorted(Counter(one.licence for one in members).items())),
        "unreadable": sum(UNREADABLE in one.images for one in members),
    }


def dataset_diff(before: Version, after: Version, db: OwnDb = None, as_json: Json = False) -> None:
    """Compare two versions: cases added, removed, relabelled, moved, with other images or consent.

    Each is the file of a snapshot, or with --db the beginning of a root.

    Example: triage dataset diff phantoms.json 3f81a2 --db sqlite:///triage.db
    """
    from triage.dataset_versions.diff import diff_versions

    with store_at(db, wanted=db is not None) as store:
        found = diff_versions(_version(before, store), _version(after, store))
    counts = found.counts()
    say(
        as_json,
        found.model_dump(mode="json") | {"counts": counts, "same": found.same},
        f"{found.before[:12]} to {found.after[:12]}: "
        + ("the same" if found.same else ", ".join(_counted(counts))),
        *(f"  {m.before} to {m.after}: {len(m.cases)} cases" for m in found.moved),
        *(f"  {name}: {', '.join(_counted(row))}" for name, row in found.by_condition.items()),
    )


def _counted(counts: dict[str, int]) -> list[str]:
    return [f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count]


def _version(given: str, store: Store | None) -> DatasetVersion:
    from triage.dataset_versions.stored_versions import version_of_root
    from triage.dataset_versions.version_file import read_version

    path = Path(given)
    if store is None or path.exists():
        return read_version(path)
    with store.reading() as session:
        return version_of_root(session, given)


def dataset_verify(
    version: Version,
    spec: Spec,
    root: Root,
    db: OwnDb = None,
    as_json: Json = False,
) -> None:
    """Compare a version with the data as they are now; exit code 4 if something changed.

    Every file is hashed again. With --db also: reviewed cases, withdrawn consents, the frozen set,
    and what the bundles in use were trained on. Cases are named by their position in the version.

    Example: triage dataset verify phantoms.json --spec data_specs/derm_phantoms.yaml
    --root work/phantoms
    """
    from triage.data.spec_files import load_spec
    from triage.dataset_versions.version import VersionNotIntact
    from triage.learning.dataset_verification import verify_data

    with store_at(db, wanted=db is not None) as store:
        try:
            recorded = _version(version, store)
        except VersionNotIntact as error:
            value = {"intact": False, "findings": [str(error)]}
            say(as_json, value, f"NOT INTACT: {error}")
            raise typer.Exit(ExitCode.ANSWERED_NO) from None
        with bars(as_json) as report:
            found = verify_data(recorded, load_spec(spec), root, store, progress=report)
    say(
        as_json,
        found.model_dump(mode="json") | {"intact": found.intact},
        f"{found.root[:12]}: {found.members} cases: {'intact' if found.intact else 'NOT INTACT'}",
        *summarise([f"  {finding}" for finding in found.findings]),
        *(
            [f"  {found.new_cases} cases of the data are not in the version"]
            * bool(found.new_cases)
        ),
        *(["  reviewed cases of the case database need --db"] * (db is None and not found.intact)),
    )
    if not found.intact:
        raise typer.Exit(ExitCode.ANSWERED_NO)


def dataset_withdraw(
    patient: Annotated[
        str | None, typer.Option("--patient", help="Identifier of the patient in the source.")
    ] = None,
    case: Annotated[
        str | None, typer.Option("--case", help="Or the identifier of one of the patient's cases.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Source of the identifier, if several have it.")
    ] = None,
    delete: Annotated[
        bool, typer.Option("--delete", help="Also delete what is stored of the patient.")
    ] = False,
    uploads: Annotated[
        Path | None, typer.Option("--uploads", help="Folder of `triage ui --uploads`.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; else only say what would go.")] = False,
    db: Db = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Withdraw a patient's consent: no case of theirs trains or is measured on any more.

    Names the data sets and the bundles affected. Events stay; a deletion cannot be undone.

    Example: triage dataset withdraw --patient P17 --source clinic --db sqlite:///triage.db --yes
    """
    from triage.cache_folder import cache_path
    from triage.dataset_versions.deletion import OwnPlaces
    from triage.dataset_versions.withdraw import withdraw

    if uploads is not None and not uploads.is_dir():
        raise UsageError("there is no such folder", where="--uploads", hint="Check the path.")
    with store_at(db) as store:
        by = acting(store, as_name, password_stdin, Action.WITHDRAW_DATA)
        done = withdraw(
            store,
            patient=patient,
            case=case,
            source=source,
            delete=delete,
            places=OwnPlaces(uploads, cache_path()),
            dry_run=not yes,
            actor=by.name,
        )
    say(as_json, done.as_json(), *_withdrawn_lines(done))


def _withdrawn_lines(done: WithdrawalDone) -> list[str]:
    found, gone = done.withdrawal, done.deletion
    lines = ["nothing was changed: add --yes to do it"] if done.dry_run else []
    if found.already:
        lines.append("the consent was withdrawn before")
    lines += [
        f"patient {found.patient_key[:12]}: {found.cases} cases, {found.labels} labels that train "
        f"no more, {found.label_requests} open requests, {found.frozen_cases} frozen cases",
        *(f"  in the version {root[:12]}" for root in found.versions),
        *(
            f"  trained on it: bundle {one.name} ({one.digest[:12]})"
            + (f", the {one.alias}" if one.alias else "")
            for one in found.bundles
        ),
        *(f"  new version {root[:12]}" for root in found.new_versions),
        *(f"  no case would be left of {name}: no new version" for name in found.emptied),
    ]
    if gone is not None:
        rows = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in gone.rows.items())
        lines += [
            "the patient was deleted before"
            if gone.already
            else f"deleted: {rows}, {gone.readings} readings, {gone.uploads} added files, "
            f"{gone.cached} cached embeddings; {gone.predictions} predictions emptied",
            f"  {gone.left_files} image files in {gone.left_places} folders are not this "
            "software's: remove them there",
        ]
    return lines
