"""The verb that verifies the archive of an audit report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.console import Json, say
from triage.errors import ExitCode


def audit_verify(
    archive: Annotated[Path, typer.Argument(help="The archive, audit.zip.")],
    public_key: Annotated[
        str,
        typer.Option(
            "--public-key",
            help="Public key of the signer: a file from keygen (.pub), a list of keys, a PEM "
            "file, or its 64 hexadecimal digits.",
        ),
    ],
    expect_report: Annotated[
        str | None, typer.Option("--expect-report", help="Report id that the signer announced.")
    ] = None,
    expect_plan: Annotated[
        str | None, typer.Option("--expect-plan", help="Hash of the plan that was announced.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Verify that a report's archive is what the key's owner signed; exit code 4 if it is not.

    Example: triage audit verify audit.zip --public-key ledger.key.pub
    """
    from triage.errors import UsageError
    from triage.reports.verify_report import examine, lines, read_keys

    try:
        keys = read_keys(public_key)
    except ValueError as error:
        raise UsageError(
            f"{error}",
            where="--public-key",
            hint="Take the file that triage ledger keygen wrote beside the private key.",
        ) from error
    found = examine(archive, keys, expect_report, expect_plan)
    value = {"verified": not found.problems, "problems": found.problems, **found.facts}
    say(as_json, value, *lines(found))
    if found.problems:
        raise typer.Exit(ExitCode.ANSWERED_NO)
