"""Secrets that a file holds and a variable of the environment names, as containers and systemd do.

A secret in the environment itself is seen by every process that inherits it, and by whoever
inspects the container.
"""

from __future__ import annotations

import os
from pathlib import Path

from triage.errors import TriageError
from triage.named_file import read_named_text

_MOST_BYTES = 64 << 10


def secret_from_file(variable: str, kind: str, error: type[TriageError]) -> str | None:
    """Return the secret in the file that a variable of the environment names.

    Parameters
    ----------
    variable : str
        Name of the variable, such as ``TRIAGE_DATABASE_URL_FILE``.
    kind : str
        What the file holds, for messages, such as 'database URL'.
    error : type of TriageError
        Raised for whatever stands in the way.

    Returns
    -------
    str or None
        The content without the line end; None where the variable is not set, or empty.

    Raises
    ------
    TriageError
        Of the type `error`: if the file cannot be read, or is empty or has several lines. The
        message does not quote it.
    """
    name = os.environ.get(variable)
    if not name:
        return None
    path = Path(name)
    text = read_named_text(path, f"file with the {kind}", error, _MOST_BYTES)
    secret = text.removesuffix("\n")
    if not secret or "\n" in secret:
        found = "is empty" if not secret else "has several lines"
        raise error(
            f"The file with the {kind} {found}.",
            where=f"{variable}={name}",
            hint="Write the secret into it as one line.",
        )
    return secret
