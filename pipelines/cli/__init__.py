"""The command line: one Typer tree, `--json` on every verb.

Exit codes: 0 fine; 2 wrong usage or input; 3 some inputs rejected (the rest was done);
1 a defect of this software; 130 interrupted.
"""

from pipelines.cli.main import app, main

__all__ = ["app", "main"]
