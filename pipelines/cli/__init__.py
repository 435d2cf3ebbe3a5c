"""The command line: one Typer tree, `--json` on every verb.

Exit codes are those of `triage.errors.ExitCode`.
"""

from pipelines.cli.main import app, main

__all__ = ["app", "main"]
