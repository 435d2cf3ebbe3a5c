"""Names of accounts: which texts can be one."""

from __future__ import annotations

from triage.accounts.account import AccountError
from triage.accounts.actor import LOCAL_ACTOR, SYSTEM_ACTOR
from triage.vocabulary.reader_names import reader_key

LONGEST_NAME = 80
RESERVED_NAMES = (SYSTEM_ACTOR.name, LOCAL_ACTOR.name)


def is_name(text: str) -> bool:
    """Whether a text can be an account's name."""
    return 0 < len(text) <= LONGEST_NAME and text.isprintable() and bool(reader_key(text))


def require_name(text: str, what: str) -> None:
    """Check that a text can become an account's name, or the one on signatures.

    Parameters
    ----------
    text : str
    what : str
        Which of them it is, for the message.

    Raises
    ------
    AccountError
        If it is too long, not printable, or reserved.
    """
    name = text.strip()
    if not is_name(name):
        raise AccountError(f"A {what} has 1 to {LONGEST_NAME} printable characters.")
    if reader_key(name) in {reader_key(reserved) for reserved in RESERVED_NAMES}:
        raise AccountError(
            f"The names {' and '.join(map(repr, RESERVED_NAMES))} are reserved.",
            hint="Give another name.",
        )
