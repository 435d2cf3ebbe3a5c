"""The verb that ranks labels that may be wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipelines.cli.acting import As, PasswordStdin, acting
from pipelines.cli.console import Bundle, Json, Root, Spec, bars, cache_folder, say, store_at
from triage.accounts import SYSTEM_ACTOR, Action

if TYPE_CHECKING:
    from triage.learning.label_candidates import LabelSearch

_SHOWN = 20


def label_errors(
    bundle: Bundle,
    spec: Spec,
    root: Root,
    db: Annotated[
        str | None, typer.Option("--db", help="Also look at the labels of reviews here.")
    ] = None,
    request: Annotated[
        int,
        typer.Option(
            "--request",
            min=0,
            max=1000,
            help="Ask readers to label so many of them again: the most suspect of the database.",
        ),
    ] = 0,
    method: Annotated[
        Literal["prune_by_noise_rate", "off_diagonal"],
        typer.Option("--method", help="How candidates are chosen; both are of confident learning."),
    ] = "prune_by_noise_rate",
    folds: Annotated[
        int, typer.Option("--folds", min=2, max=20, help="Parts of the data, by patient.")
    ] = 5,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Rank the training labels that may be wrong, by heads that were trained without the case.

    Example: triage label errors --bundle bundles/a --spec data_specs/derm_phantoms.yaml
    --root work/phantoms --db sqlite:///triage.db --request 20
    """
    from triage.data.spec_files import load_spec
    from triage.learning.label_candidates import search_label_errors

    by = SYSTEM_ACTOR
    with store_at(db, wanted=db is not None) as store:
        if store is not None:  # before the long work
            by = acting(store, as_name, password_stdin, Action.SELECT_CASES)
        with bars(as_json) as report:
            found = search_label_errors(
                bundle,
                load_spec(spec),
                root,
                store=store,
                request=request,
                actor=by.name,
                method=method,
                n_folds=folds,
                cache_folder=cache_folder(),
                progress=report,
            )
    say(as_json, _summary(found, method, folds), *_lines(found, request))


def _summary(found: LabelSearch, method: str, folds: int) -> dict[str, Any]:
    return {
        "cases": found.n_cases,
        "reviewed": found.n_reviewed,
        "unreadable": found.unreadable,
        "accuracy_out_of_fold": found.accuracy,
        "estimated_noise": found.noise,
        "temperature": found.temperature,
        "method": method,
        "folds": folds,
        "requested": found.requested,
        "candidates": [
            {
                "case": one.case,
                "source": one.source,
                "label": one.label,
                "suggested": one.suggested,
                "self_confidence": one.self_confidence,
                "margin": one.margin,
                "reviewed": one.reviewed,
                "in_database": one.number is not None,
            }
            for one in found.candidates
        ],
    }


def _lines(found: LabelSearch, request: int) -> list[str]:
    rest = len(found.candidates) - _SHOWN
    return [
        f"{found.n_cases} labels looked at, {found.n_reviewed} of them from reviews: "
        f"{len(found.candidates)} may be wrong (estimated share {found.noise:.1%}; the heads agree "
        f"with {found.accuracy:.1%} of the labels)",
        *[
            f"  {one.case} of {one.source}: {one.label}, perhaps {one.suggested} "
            f"(margin {one.margin:+.2f})"
            for one in found.candidates[:_SHOWN]
        ],
        *([f"  ... and {rest} more; all with --json"] if rest > 0 else []),
        *([f"{found.requested} requests added to the labelling list"] if request else []),
    ]
