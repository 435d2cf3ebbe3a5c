"""Which version of the software runs here: its number and a hash of its source."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from triage import __version__
from triage.errors import EngineError
from triage.hashing import hash_file, hash_json


@dataclass(frozen=True)
class CodeVersion:
    """Number of the version, and SHA-256 of the source of the package."""

    number: str
    sha256: str

    def __str__(self) -> str:
        return f"triage {self.number} ({self.sha256[:12]})"

    def check(self, here: CodeVersion) -> None:
        """Check that a worker runs what the sender of a task runs.

        Parameters
        ----------
        here : CodeVersion
            Of the worker.

        Raises
        ------
        EngineError
            If it does not.
        """
        if self != here:
            raise EngineError(
                f"the worker runs {here}, the tasks come from {self}",
                where="--engine",
                hint="Install the same version on every machine, and start the workers again.",
            )


@cache
def code_version() -> CodeVersion:
    """Return the version of this process, read once."""
    folder = Path(__file__).parents[1]
    hashes = [
        [path.relative_to(folder).as_posix(), hash_file(path)]
        for path in sorted(folder.rglob("*.py"))
    ]
    return CodeVersion(__version__, hash_json(hashes))
