"""How long `triage --help` takes, beside the libraries that any such command line loads."""

from __future__ import annotations

import subprocess
import sys

from tests.speed.timing import seconds

LIBRARIES = "import typer, rich, rich.console"
HELP = "import sys; sys.argv = ['triage', '--help']; from pipelines.cli import main; main()"


def ratio() -> float:
    """Time of `triage --help` over that of the libraries alone, in processes of their own."""

    def run(script: str) -> None:
        subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    return seconds(lambda: run(HELP)) / seconds(lambda: run(LIBRARIES))


def main() -> None:
    """Print it."""
    print(f"triage --help takes {ratio():.2f} times as long as typer and rich (2 at most)")


if __name__ == "__main__":
    main()
