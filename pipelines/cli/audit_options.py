"""Options of `triage audit plan`, and what is asked of the plan by them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from triage.errors import SpecError, UsageError, unknown_name
from triage.vocabulary.clinical import Urgency

if TYPE_CHECKING:
    from triage.audit_sources.make_plan import PlanRequest
    from triage.auditing.audit_plan import Period

OptionalSpec = Annotated[
    Path | None, typer.Option("--spec", help="Data spec: conditions, costs, subgroups.")
]
Predictions = Annotated[
    Path | None, typer.Option("--predictions", help="Table of predictions: CSV or Parquet.")
]
AuditDb = Annotated[
    str | None,
    typer.Option("--db", help="Database URL: its cases where no table is given, and its ledger."),
]
AuditBundle = Annotated[
    Path | None,
    typer.Option("--bundle", help="Folder of the audited bundle; its manifest is read."),
]
Key = Annotated[Path | None, typer.Option("--key", help="Private key that signs, from keygen.")]
Label = Annotated[str | None, typer.Option("--label", help="Column of the true condition.")]
Probabilities = Annotated[
    str | None, typer.Option("--probabilities", help="Columns, as name=column,name=column.")
]
Predicted = Annotated[
    str | None, typer.Option("--predicted", help="Column of the named condition.")
]
Recommendation = Annotated[
    str | None, typer.Option("--recommendation", help="Column of the urgency, or no opinion.")
]
Queue = Annotated[
    str | None, typer.Option("--queue-urgency", help="Column of the urgency a case waits in.")
]
Abstained = Annotated[
    str | None, typer.Option("--abstained", help="Column of whether there was no opinion.")
]
TrueUrgency = Annotated[
    str | None, typer.Option("--true-urgency", help="Column of the true urgency.")
]
Ood = Annotated[str | None, typer.Option("--ood", help="Column of the out-of-distribution score.")]
Cost = Annotated[str | None, typer.Option("--cost", help="Column of the cost of what was done.")]
Patient = Annotated[str | None, typer.Option("--patient", help="Column of the patient.")]
CaseName = Annotated[str | None, typer.Option("--case", help="Column of the case's identifier.")]
First = Annotated[str | None, typer.Option("--first", help="Column of the person's first read.")]
Final = Annotated[
    str | None, typer.Option("--final", help="Column of the person's final decision.")
]
Seconds = Annotated[
    str | None, typer.Option("--seconds", help="Column of the person's time, in seconds.")
]
Groups = Annotated[
    str | None, typer.Option("--groups", help="Columns of subgroups, a,b,c; a*b crosses two.")
]
Bands = Annotated[
    list[str] | None,
    typer.Option("--bands", help="Bands of a group of numbers: age=0,30,50,70,90; repeat."),
]
Urgencies = Annotated[
    str | None, typer.Option("--urgencies", help="Urgency of conditions: melanoma=urgent,...")
]
Outliers = Annotated[
    str | None, typer.Option("--outliers", help="Labels that the system does not know: a,b.")
]
Limit = Annotated[
    list[str] | None, typer.Option("--limit", help='Such as "accuracy>=0.80"; repeat for several.')
]
LimitsFrom = Annotated[str | None, typer.Option("--limits-from", help="Who set the limits.")]
Title = Annotated[str | None, typer.Option("--title", help="Title of the report.")]
System = Annotated[
    str | None, typer.Option("--system", help="Name and version of what is audited.")
]
PeriodDays = Annotated[
    str | None, typer.Option("--period", help="First and last day: 2025-01-01..2025-06-30.")
]
PeriodColumn = Annotated[
    str | None, typer.Option("--period-column", help="Column of the time of a case.")
]
Cohorts = Annotated[str | None, typer.Option("--cohorts", help="Sources of cases to audit: a,b.")]
Source = Annotated[str | None, typer.Option("--source", help="Column of the source of a case.")]


_ROLES = {
    "queue": "queue_urgency",
    "ood": "ood_score",
    "first": "first_read",
    "final": "final_decision",
} | {
    name: name
    for name in (
        "label", "predicted", "recommendation", "abstained", "true_urgency", "cost", "patient",
        "case", "seconds", "source",
    )
}  # fmt: skip
"""Option to the role of the column that it names."""
_INTERVALS = ("replicates", "seed", "min_patients")


def request_of(given: Mapping[str, Any]) -> PlanRequest:
    """Return what is asked of a plan by the options of the command line.

    Parameters
    ----------
    given : mapping
        Option to its value, None where it is not given.

    Raises
    ------
    UsageError
        If neither a spec nor a label is given, or an option is not written as it has to be.
    """
    from pydantic import ValidationError

    from triage.audit_sources.make_plan import PlanRequest
    from triage.auditing.audit_plan import AuditPlan, Columns, IntervalSettings
    from triage.auditing.plan_limits import parse_limit
    from triage.data.spec_files import load_spec
    from triage.data.strict_yaml import problems_of
    from triage.store.bundle_manifest import manifest_in

    spec, probabilities = given["spec"], given["probabilities"]
    if spec is None and given["label"] is None:
        raise UsageError(
            "neither a data spec nor a column of labels is given",
            where="audit plan",
            hint="Give --spec SPEC, or --label COLUMN and --probabilities name=column,...",
        )
    if spec is None and probabilities is None and given["predicted"] is None:
        raise UsageError(
            "no columns of probabilities are given",
            where="--probabilities",
            hint="Write --probabilities melanoma=p_mel,naevus=p_nv, or name the condition's "
            "column with --predicted.",
        )
    system, bundle = given["system"] or "", None
    if given["bundle"] is not None:
        manifest, bundle = manifest_in(given["bundle"])
        stated = [str(manifest[key]) for key in ("name", "created_at") if key in manifest]
        system = system or ", made ".join(stated)
    named = {role: given[name] for name, role in _ROLES.items() if given[name] is not None}
    try:
        return PlanRequest(
            created_at=datetime.now(UTC).replace(microsecond=0),
            title=given["title"] or "",
            spec=None if spec is None else load_spec(spec),
            columns=Columns(**named, probabilities=_probabilities(probabilities)),
            groups=_listed(given["groups"]),
            bands=dict(_bands(text) for text in given["bands"] or ()),
            urgencies=_urgencies(given["urgencies"]),
            outliers=_listed(given["outliers"]),
            limits=[parse_limit(text) for text in given["limit"] or ()],
            source_of_limits=given["limits_from"],
            system=system,
            bundle=bundle,
            period=_period(given["period"], given["period_column"]),
            cohorts=_listed(given["cohorts"]),
            unlabelled=given["unlabelled"],
            prevalence=given["prevalence"],
            intervals=IntervalSettings(
                **{key: given[key] for key in _INTERVALS if given[key] is not None}
            ),
        )
    except ValidationError as error:
        problems = problems_of(error, AuditPlan)
        raise SpecError("the plan is not valid", problems=problems) from error


def _listed(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _pairs(text: str, option: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in _listed(text):
        name, sign, value = (piece.strip() for piece in part.partition("="))
        if not (name and sign and value):
            raise UsageError(f"{part!r} is not name=value", where=option)
        if name in found:
            raise UsageError(f"{name!r} is given twice", where=option)
        found[name] = value
    return found


def _probabilities(text: str | None) -> dict[str, str] | None:
    from triage.auditing.arguments import class_columns

    if text is None:
        return None
    if "=" in text:
        return {
            name: str(one) for name, one in class_columns(_pairs(text, "--probabilities")).items()
        }
    return {name: str(one) for name, one in class_columns(_listed(text)).items()}


def _urgencies(text: str | None) -> dict[str, Urgency]:
    found = {}
    for name, word in _pairs(text or "", "--urgencies").items():
        if word not in [*Urgency]:
            raise unknown_name("urgency", word, [*Urgency], where="--urgencies")
        found[name] = Urgency(word)
    return found


def _bands(text: str) -> tuple[str, tuple[float, ...]]:
    name, _, edges = text.partition("=")
    try:
        found = tuple(float(edge) for edge in edges.split(","))
    except ValueError:
        found = ()
    if not name.strip() or len(found) < 2:
        raise UsageError(
            f"{text!r} states no bands", where="--bands", hint="Write age=0,30,50,70,90."
        )
    return name.strip(), found


def _period(text: str | None, column: str | None) -> Period | None:
    from triage.auditing.audit_plan import Period

    if text is None:
        if column is not None:
            raise UsageError("is given without --period", where="--period-column")
        return None
    first, _, last = text.partition("..")
    try:
        days = [datetime.fromisoformat(day.strip()) for day in (first, last)]
    except ValueError:
        raise UsageError(
            f"{text!r} is no period", where="--period", hint="Write 2025-01-01..2025-06-30."
        ) from None
    return Period(first=days[0], last=days[1], column=column)
