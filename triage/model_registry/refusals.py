"""Why a step on the registry of bundles is refused, and the text that a person gives for one."""

from __future__ import annotations

from triage.errors import ExitCode, TriageError, UsageError

LONGEST_TEXT = 2000


class RegistryRefused(TriageError):
    """A step on the registry of bundles is not allowed, or not as things stand now."""

    exit_code = ExitCode.ANSWERED_NO


def given_text(text: str, what: str) -> str:
    """Return a reason or an answer as it is stored.

    Parameters
    ----------
    text : str
    what : str
        What it is, for messages, such as 'reason'.

    Raises
    ------
    UsageError
        If there is none, it is longer than `LONGEST_TEXT`, or holds what does not print.
    """
    clean = " ".join(text.split())
    if not clean:
        raise UsageError(f"no {what} is given", hint="Say it in a sentence.")
    if len(clean) > LONGEST_TEXT or not clean.isprintable():
        raise UsageError(
            f"the {what} is too long or holds what does not print",
            hint=f"Write at most {LONGEST_TEXT} characters of text.",
        )
    return clean
