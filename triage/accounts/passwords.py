"""Passwords: which are accepted, and how they are kept and compared.

They are hashed with Argon2id, with the second recommended option of RFC 9106 (section 4): three
passes over 64 MiB in four lanes, a random salt of 16 bytes, a tag of 32 bytes. Which passwords are
accepted follows NIST SP 800-63B (section 5.1.1.2): a least length, no rules of composition, a list
of common ones, and one form of Unicode, so that the same text typed on another keyboard is the same
password.
"""

from __future__ import annotations

import unicodedata
from functools import cache

from argon2 import Parameters, PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from triage.errors import TriageError

SHORTEST, LONGEST = 12, 128
"""Characters of a password."""

_FEWEST_DIFFERENT = 4
_COMMON = frozenset(
    {
        "123456789012", "1234567890123", "12345678901234", "123456789012345", "1234567890123456",
        "012345678901", "098765432109", "123123123123", "112233445566", "123321123321",
        "111222333444", "1q2w3e4r5t6y", "1q2w3e4r5t6y7u", "1qaz2wsx3edc", "qazwsxedcrfv",
        "qwertyuiopas", "qwertyuiopasdfgh", "qwertyqwerty", "asdfghjklzxcvbnm", "abcdefghijkl",
        "abcdefghijklmnopqrstuvwxyz", "passwordpassword", "letmeinletmein", "iloveyouiloveyou",
        "welcomewelcome", "correcthorsebatterystaple", "trustno1trustno1", "unknownpassword",
    }
)  # fmt: skip
_COMMON_WORDS = frozenset(
    {
        "abc", "abcdef", "abcdefgh", "admin", "administrator", "changeme", "changemenow",
        "dermatology", "doctor", "hospital", "iloveyou", "letmein", "mypassword", "opensesame",
        "ophthalmology", "pass", "passw", "passwd", "password", "passwort", "qwerty", "qwertyuiop",
        "radiology", "reader", "secret", "supersecret", "test", "testing", "triage", "user",
        "welcome", "welcometo",
    }
)  # fmt: skip
"""Words that are refused with nothing but digits and signs around and in them."""


class PasswordRefused(TriageError):
    """A new password is not accepted; the message does not quote it."""


def require_acceptable(password: str, name: str) -> None:
    """Check that a password may become that of an account.

    Parameters
    ----------
    password : str
    name : str
        Of the account.

    Raises
    ------
    PasswordRefused
        If it is too short or too long, the account's own name, or a common password.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise PasswordRefused(
            f"A password has {SHORTEST} to {LONGEST} characters.", hint="Several words are fine."
        )
    text = _normal(password).casefold()
    letters = _letters(text)
    if letters and letters == _letters(_normal(name).casefold()):
        raise PasswordRefused("The password is the account's name.", hint="Choose another.")
    few = len(set(text)) < _FEWEST_DIFFERENT
    if few or text in _COMMON or letters in _COMMON_WORDS:
        raise PasswordRefused("This is one of the most common passwords.", hint="Choose another.")


def hash_password(password: str) -> str:
    """Return a password's Argon2id hash in its standard encoding, with a salt of its own."""
    return _hasher().hash(_bytes(password))


def matches(password: str, encoded: str | None) -> bool:
    """Whether a password is the one of a hash.

    Without a hash (there is no such account, or it has no password) as much is computed as with
    one, so that the time tells nothing.
    """
    if len(password) > LONGEST:  # no stored password is as long; the same work all the same
        password, encoded = "", None
    try:
        _hasher().verify(encoded or _dummy(repr(parameters())), _bytes(password))
    except (VerificationError, InvalidHashError):
        return False
    return bool(encoded)


def needs_rehash(encoded: str) -> bool:
    """Whether a hash was made with other parameters than those in use."""
    return extract_parameters(encoded) != parameters()


def parameters() -> Parameters:
    """Return the cost parameters of new hashes."""
    return RFC_9106_LOW_MEMORY


def _hasher() -> PasswordHasher:
    return PasswordHasher.from_parameters(parameters())


@cache
def _dummy(cost: str) -> str:
    """A hash to compare with where there is none, at the cost of the others."""
    return _hasher().hash(b"")


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


def _bytes(password: str) -> bytes:
    return _normal(password).encode("utf-8", "surrogatepass")


def _letters(text: str) -> str:
    return "".join(character for character in text if character.isalpha())
