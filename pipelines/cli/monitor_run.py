"""Verbs on monitoring of a case database: a plan from its cases, and a run."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.acting import As, PasswordStdin, acting
from pipelines.cli.console import Db, Json, bars, say, store_at
from pipelines.cli.heartbeat import with_heartbeat
from pipelines.cli.repeat import Every, repeat
from triage.accounts import Action
from triage.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from triage.accounts import Actor
    from triage.monitoring.make_plan import MadePlan
    from triage.monitoring.run_monitoring import MonitoringRun
    from triage.store import Store

_DAYS = ["%Y-%m-%d"]
Names = str | None


def add_runs(group: typer.Typer) -> None:
    """Add the verbs to their group."""
    group.command("plan")(monitor_plan)
    group.command("run")(monitor_run)


def monitor_plan(
    out: Annotated[
        Path | None, typer.Option("--out", help="File of the plan to write (YAML).")
    ] = None,
    set_it: Annotated[
        bool, typer.Option("--set", help="Store the plan; from now on it holds.")
    ] = False,
    begin: Annotated[
        datetime | None,
        typer.Option("--from", formats=_DAYS, help="First UTC day of the baseline."),
    ] = None,
    end: Annotated[
        datetime | None,
        typer.Option("--to", formats=_DAYS, help="Last UTC day of the baseline."),
    ] = None,
    cases: Annotated[
        int | None, typer.Option("--cases", min=1, help="The baseline is the first so many cases.")
    ] = None,
    axes: Annotated[
        Names, typer.Option("--axes", help="`site` and groups of the cases, `a,b`; else site.")
    ] = None,
    columns: Annotated[
        Names, typer.Option("--columns", help="Columns that are tested for drift, `a,b`.")
    ] = None,
    horizon_days: Annotated[
        int | None, typer.Option("--horizon-days", min=1, help="Of the false alarms; else 90.")
    ] = None,
    false_alarm: Annotated[
        float | None,
        typer.Option("--false-alarm", help="Probability of each chart within the horizon."),
    ] = None,
    ood_threshold: Annotated[
        float | None,
        typer.Option("--ood-threshold", help="Cases with this ood_score or more count as OOD."),
    ] = None,
    spec: Annotated[
        Path | None, typer.Option("--spec", help="Data spec: urgency and risk of conditions.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Of what is drawn.")] = None,
    db: Db = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Make a plan of monitoring for the bundle in use, with rates in control from its cases.

    The baseline is all cases so far unless --from, --to or --cases say less; cases count from its
    end on. Exit code 5: no chart of a rate has enough cases; the plan is written all the same.

    Example: triage monitor plan --db sqlite:///triage.db --out plan.yaml --set
    """
    from triage.data.spec_files import load_spec
    from triage.monitoring.make_plan import PlanRequest, make_plan
    from triage.monitoring.plan_file import write_monitoring_plan
    from triage.monitoring.planned_bundle import store_plan

    if out is None and not set_it:
        raise UsageError("say where the plan goes", hint="Give --out FILE, --set or both.")
    request = PlanRequest(
        begin=_day(begin),
        end=_day(end, 1),
        n_cases=cases,
        axes=_names(axes),
        columns=_names(columns),
        horizon_days=horizon_days,
        false_alarm=false_alarm,
        score_threshold=ood_threshold,
        spec=None if spec is None else load_spec(spec),
        seed=seed,
    )
    with store_at(db) as store:
        actor = acting(store, as_name, password_stdin, Action.MONITOR)
        with bars(as_json) as progress, store.reading() as session:
            made = make_plan(session, request, progress)
        _write(write_monitoring_plan, made.plan, out)
        if set_it:
            store_plan(store, made.plan, "--db", actor.name)
    _say_plan(as_json, made, out, set_it)
    if not made.plan.rates:
        raise typer.Exit(ExitCode.NOT_ENOUGH_EVIDENCE)


def _write(write: Any, plan: Any, out: Path | None) -> None:
    try:
        if out is not None:
            write(plan, out)
    except OSError as error:
        raise UsageError(
            f"cannot be written ({error.strerror or error})", where=str(out)
        ) from error


def _day(given: datetime | None, later: int = 0) -> datetime | None:
    """The beginning of a UTC day, or of one so many days later."""
    return None if given is None else given.replace(tzinfo=UTC) + timedelta(days=later)


def _names(given: str | None) -> tuple[str, ...] | None:
    """Names separated by commas; an empty text is none."""
    if given is None:
        return None
    return tuple(name for part in given.split(",") if (name := part.strip()))


def _say_plan(as_json: bool, made: MadePlan, out: Path | None, set_it: bool) -> None:
    plan = made.plan
    assert plan.baseline is not None, "it is made from one"
    value = {
        "plan": None if out is None else str(out),
        "plan_sha256": plan.sha256(),
        "stored": set_it,
        "bundle": plan.bundle,
        "baseline_cases": plan.baseline.n_cases,
        "start": None if plan.start is None else plan.start.isoformat(),
        "rates": [rate.model_dump(mode="json") for rate in plan.rates],
        "notes": list(made.notes),
    }
    say(
        as_json,
        value,
        f"plan {plan.sha256()[:16]} for bundle {plan.bundle[:12]}"
        + ("" if out is None else f", written to {out}")
        + (", stored" if set_it else ""),
        f"{len(plan.rates)} rates in control from {plan.baseline.n_cases} cases; "
        f"{plan.false_alarm:.3g} false alarms of each chart in {plan.horizon_days} days",
        *(f"note: {note}" for note in made.notes),
    )


def monitor_run(
    out: Annotated[Path, typer.Option("--out", help="Folder of the result and its parts.")],
    plan: Annotated[
        Path | None, typer.Option("--plan", help="Plan to store and go by; else the stored one.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option("--since", formats=_DAYS, help="First UTC day whose points are shown."),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option("--reference", help="Monitoring reference of the bundle (JSON)."),
    ] = None,
    every: Every = None,
    db: Db = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Run the charts of the stored plan on the cases of the bundle in use, and raise alarms.

    An interrupted run goes on with the same command. Exit codes: 0 in control, 4 an alarm is not
    closed or the database is not the one of the last run, 5 no chart has enough cases.

    Example: triage monitor run --db sqlite:///triage.db --out monitoring
    """
    with store_at(db) as store:
        actor = acting(store, as_name, password_stdin, Action.MONITOR)

        def once() -> ExitCode:
            return _run_once(store, out, plan, since, reference, actor, as_json)

        code = repeat(with_heartbeat(once), every)
    if code is not ExitCode.DONE:
        raise typer.Exit(code)


def _run_once(
    store: Store,
    out: Path,
    plan: Path | None,
    since: datetime | None,
    reference: Path | None,
    actor: Actor,
    as_json: bool,
) -> ExitCode:
    from triage.monitoring.run_monitoring import run_monitoring

    with bars(as_json) as progress:
        run = run_monitoring(
            store,
            out,
            plan=plan,
            since=None if since is None else since.date(),
            reference=reference,
            actor=actor,
            progress=progress,
        )
    files = _report(run, out)
    say(as_json, run.result.model_dump(mode="json"), *_lines(run, out, files))
    sys.stdout.flush()
    if run.restored or run.open_alarms:
        return ExitCode.ANSWERED_NO
    return ExitCode.NOT_ENOUGH_EVIDENCE if run.says_nothing else ExitCode.DONE


def _report(run: MonitoringRun, out: Path) -> list[Path]:
    from triage.reports.monitoring.write_report import write_monitoring_report

    return write_monitoring_report(run.result, out)


def _lines(run: MonitoringRun, out: Path, files: list[Path]) -> list[Any]:
    from pipelines.terminal.monitoring_tables import monitoring_tables

    return [
        *monitoring_tables(run.result),
        f"{len(run.new_alarms)} new alarms, {run.open_alarms} not closed",
        f"written to {out}: monitoring.json, {', '.join(one.name for one in files)}",
    ]
