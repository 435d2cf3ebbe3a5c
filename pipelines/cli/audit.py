"""Verbs of audits: state a plan before the data are read, and run it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipelines.cli.acting import As, PasswordStdin, acting
from pipelines.cli.audit_options import (
    Abstained,
    AuditBundle,
    AuditDb,
    Bands,
    CaseName,
    Cohorts,
    Cost,
    Final,
    First,
    Groups,
    Key,
    Label,
    Limit,
    LimitsFrom,
    Ood,
    OptionalSpec,
    Outliers,
    Patient,
    PeriodColumn,
    PeriodDays,
    Predicted,
    Predictions,
    Probabilities,
    Queue,
    Recommendation,
    Seconds,
    Source,
    System,
    Title,
    TrueUrgency,
    Urgencies,
    request_of,
)
from pipelines.cli.console import Json, bars, say, store_at
from pipelines.cli.engine_options import Address, Engine, Workers, engine_settings
from triage.accounts import SYSTEM_ACTOR, Action
from triage.errors import ExitCode

if TYPE_CHECKING:
    from triage.audit_sources.write_plan import WrittenPlan
    from triage.reports.run_audit import AuditRun


def audit_plan(
    out: Annotated[Path, typer.Option("--out", help="File of the plan to write (YAML).")],
    spec: OptionalSpec = None,
    label: Label = None,
    probabilities: Probabilities = None,
    predicted: Predicted = None,
    recommendation: Recommendation = None,
    queue: Queue = None,
    abstained: Abstained = None,
    true_urgency: TrueUrgency = None,
    ood: Ood = None,
    cost: Cost = None,
    patient: Patient = None,
    case: CaseName = None,
    first: First = None,
    final: Final = None,
    seconds: Seconds = None,
    groups: Groups = None,
    bands: Bands = None,
    urgencies: Urgencies = None,
    outliers: Outliers = None,
    limit: Limit = None,
    limits_from: LimitsFrom = None,
    title: Title = None,
    system: System = None,
    bundle: AuditBundle = None,
    period: PeriodDays = None,
    period_column: PeriodColumn = None,
    cohorts: Cohorts = None,
    source: Source = None,
    unlabelled: Annotated[
        Literal["refuse", "exclude"] | None,
        typer.Option("--unlabelled", help="What is done with cases without a label."),
    ] = None,
    prevalence: Annotated[
        float | None, typer.Option("--prevalence", help="Share of outliers expected in use.")
    ] = None,
    replicates: Annotated[
        int | None, typer.Option("--replicates", help="Resamples of patients; else 1000.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Of the resamples; else 0.")] = None,
    min_patients: Annotated[
        int | None,
        typer.Option("--min-patients", help="With fewer no interval is printed; else 10."),
    ] = None,
    predictions: Predictions = None,
    db: AuditDb = None,
    key: Key = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Write the plan of an audit, before the data are read, and register or lock it.

    Of --predictions only the header is read. With --db the plan is an event in the ledger; else
    a lock file lies beside it, signed with --key.

    Example: triage audit plan --label diagnosis --probabilities mel=p_mel,nv=p_nv
    --patient patient --groups sex,site --limit "accuracy>=0.80" --out plan.yaml
    """
    given = dict(locals())
    from triage.audit_sources.write_plan import write_plan

    with store_at(db, wanted=db is not None) as store:
        actor = SYSTEM_ACTOR
        if store is not None:
            actor = acting(store, as_name, password_stdin, Action.AUDIT)
        written = write_plan(
            request_of(given), out, predictions=predictions, store=store, actor=actor, key=key
        )
    _say_plan(as_json, written, out)


def audit_register(
    plan: Annotated[Path, typer.Argument(help="Plan that was changed by hand.")],
    db: Annotated[str | None, typer.Option("--db", help="Database URL of the ledger.")] = None,
    key: Key = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Register a plan that was changed by hand, before the data are read, or lock it anew.

    Example: triage audit register plan.yaml
    """
    from triage.audit_sources.write_plan import register_written_plan

    with store_at(db, wanted=db is not None) as store:
        actor = SYSTEM_ACTOR
        if store is not None:
            actor = acting(store, as_name, password_stdin, Action.AUDIT)
        found = register_written_plan(plan, datetime.now(UTC), store=store, actor=actor, key=key)
    _say_plan(as_json, found, plan)


def _say_plan(as_json: bool, written: WrittenPlan, out: Path) -> None:
    plan = written.plan
    value = {
        "plan": str(out),
        "plan_sha256": plan.sha256(),
        "registered": written.sentence,
        "axes": [axis.name for axis in plan.axes],
        "limits": len(plan.limits),
    }
    say(
        as_json,
        value,
        f"{out}: the plan {plan.sha256()[:16]}, {written.sentence}",
        f"{len(plan.axes)} axes, {len(plan.limits)} limits",
        *(f"note: {note}" for note in written.notes),
    )


def audit_run(
    plan: Annotated[Path, typer.Argument(help="Plan, from triage audit plan.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the reports.")],
    predictions: Predictions = None,
    db: AuditDb = None,
    bundle: AuditBundle = None,
    key: Key = None,
    public: Annotated[
        bool, typer.Option("--public", help="Suppress small cells, to give it to others.")
    ] = False,
    attach: Annotated[
        list[Path] | None,
        typer.Option(
            "--attach", help="Files of the quality officer to print, `a,b`; may be repeated."
        ),
    ] = None,
    fail_on: Annotated[
        Literal["fails", "not-enough"] | None,
        typer.Option("--fail-on", help="Exit code 4 where a finding has this verdict."),
    ] = None,
    engine: Engine = None,
    workers: Workers = 1,
    address: Address = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Run an audit: measure what the plan asks, and write its reports.

    An interrupted run goes on with the same command. The exit code is 0 whatever the verdicts,
    unless --fail-on is given.

    Example: triage audit run plan.yaml --predictions predictions.csv --out audit
    """
    from triage.reports.run_audit import run_audit
    from triage.vocabulary.verdicts import Verdict

    runs_on = engine_settings(engine, workers, address)
    with store_at(db, wanted=db is not None) as store:
        actor = SYSTEM_ACTOR
        if store is not None:
            actor = acting(store, as_name, password_stdin, Action.AUDIT)
        with bars(as_json) as progress:
            done = run_audit(
                plan, out, predictions=predictions, store=store, bundle=bundle, key=key,
                public=public, attachments=_files(attach or ()), actor=actor, engine=runs_on,
                progress=progress,
            )  # fmt: skip
    _say_run(as_json, done)
    refused = {"fails": Verdict.FAILS, "not-enough": Verdict.NOT_ENOUGH}
    if fail_on and any(one.verdict is refused[fail_on] for one in done.report.findings):
        raise typer.Exit(ExitCode.ANSWERED_NO)


def _files(given: Sequence[Path]) -> list[Path]:
    """Return the files of each list; a name with a comma of a file that exists is one."""
    return [
        Path(part)
        for each in given
        for part in ([str(each)] if each.exists() else str(each).split(","))
    ]


def _say_run(as_json: bool, done: AuditRun) -> None:
    from pipelines.terminal.audit_tables import audit_lines, files_line, verdict_counts

    report = done.report
    value = {
        "folder": str(done.folder),
        "files": list(done.files),
        "report": report.report_id,
        "plan_sha256": report.plan_sha256,
        "registered": report.registration.sentence,
        "cases": report.n_cases,
        "excluded": report.excluded,
        "deviations": report.deviations,
        "verdicts": verdict_counts(report),
        "findings": [one.model_dump(mode="json") for one in report.findings],
    }
    say(as_json, value, *audit_lines(report), files_line(done.folder, done.files))
